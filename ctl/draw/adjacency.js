// Who hears whom, as matrices beside the person. Needs view.js, graph_data.js, heat.js, adjacency_person.js.

const TERMS = {
  learned: "Learned (Am + Ac)",
  sum: "Sum (A)",
  context: "Context (Ac)",
  mask: "Mask (Am)",
  physical: "Body (Ap)"
};
const settings = {scale: null, layer: null, term: "learned", block: "own"}; // outlives the person

/** "t−1", "t" or "t+1" of the window's k-th frame. */
function frameName(k, window) {
  const offset = k - (window - 1) / 2;
  return offset === 0 ? "t" : `t${offset < 0 ? "−" : "+"}${Math.abs(offset)}`;
}

whenFilled("adjacency", (view, room, data) => {
  unpackGraphs(data);
  for (const graph of Object.values(data.graphs)) graph.learned = added(graph.mask, graph.context);
  const {colours} = data;
  const drawn = Object.keys(data.graphs).map(name => name.split("_l"));
  const scales = [...new Set(drawn.map(([scale]) => scale))];
  const layers = [...new Set(drawn.map(([, layer]) => Number(layer)))];
  if (!scales.includes(settings.scale)) settings.scale = scales[0] ?? null;
  if (!layers.includes(settings.layer)) settings.layer = layers.at(-1) ?? null;

  let k = 0;
  let lit = null; // {receiver: {scale, node, frame}, sender: {…}}, either may be missing
  const ranges = {};
  const graphName = () => `${settings.scale}_l${settings.layer}`;
  const graph = () => data.graphs[graphName()];
  const entries = () => graph()[settings.term];
  const names = scale => data.bodies[scale].names;
  const window_ = () => graph().window;
  const middle = () => (window_() - 1) / 2;

  /** First row and column of what is shown, and how many. */
  function part() {
    const N = names(settings.scale).length;
    if (settings.block === "whole") return {row: 0, column: 0, count: N * window_()};
    const [r, s] = settings.block === "own" ? [middle(), middle()] : settings.block.split(",").map(Number);
    return {row: r * N, column: s * N, count: N};
  }

  const range = () => (ranges[`${graphName()} ${settings.term}`] ??= rangeOfValues(entries().values));
  const palette = () => ({
    diverging: isDark(view) ? colours.darkDiverging : colours.diverging,
    rising: colours.rising
  });
  const colour = () => painter(range(), palette());
  const sentence = make("p", {class: "view-said", "aria-live": "polite"});
  const person = personBeside(data, {
    pointed: node => light(node && {receiver: {...node, frame: 0}}),
    beside: offset => frameBeside(data, k, offset)
  });
  const matrix = walkable(make("canvas"), "Matrix: rows receive, columns send", cell => light(cell && ends(cell)));
  const blocks = make("div", {class: "adjacency-blocks"});
  const key = make("div", {class: "adjacency-key"});
  const strip = make("div", {class: "adjacency-strip", role: "group", "aria-label": "The same block in every frame"});
  const table = make("tbody");
  const crosses = Object.keys(data.cross).map(source => {
    const label = `Weights from ${source} to s3: rows receive, columns send`;
    const canvas = walkable(make("canvas"), label, cell => light(cell && crossEnds(source, cell)));
    return {source, canvas};
  });

  const ends = ({i, j}) => {
    const N = names(settings.scale).length;
    const {row, column} = part();
    const end = place => ({scale: settings.scale, node: place % N, frame: Math.floor(place / N) - middle()});
    return {receiver: end(row + i), sender: end(column + j), place: [row + i, column + j]};
  };
  const crossEnds = (source, {i, j}) => ({
    receiver: {scale: "s3", node: i, frame: 0},
    sender: {scale: source, node: j, frame: 0},
    cross: source
  });

  function light(link) {
    lit = link;
    drawMatrix();
    drawCrosses();
    drawPerson();
    sentence.textContent = link
      ? words(link)
      : "Point at a cell to see the two joints, or at a joint to see its row and column.";
  }

  function words({receiver, sender, place, cross}) {
    const name = end => end && names(end.scale)[end.node] + (cross ? ` (${end.scale})` : "");
    if (!sender) return `${name(receiver)}: its row is what it receives, its column what it sends.`;
    const value = cross ? data.cross[cross].at(k, receiver.node, sender.node) : entries().at(k, ...place);
    const when = end => (cross ? "" : ` (${frameName(end.frame + middle(), window_())})`);
    const parts = place
      ? ["physical", "mask", "context"].map(term => `${term} ${number(graph()[term].at(k, ...place), 3, true)}`)
      : [];
    const terms = parts.length ? `; ${parts.join(", ")}` : "";
    const [to, from] = [receiver, sender].map(end => name(end) + when(end));
    return `${to} receives ${number(value, 3, !cross)} from ${from}${terms}`;
  }

  function drawMatrix() {
    if (!graph()) return;
    const {row, column, count} = part();
    const N = names(settings.scale).length;
    const list = Array.from({length: count}, (_, place) => names(settings.scale)[place % N]);
    const whole = settings.block === "whole";
    heat(matrix, {
      rows: list,
      columns: list,
      value: (i, j) => entries().at(k, row + i, column + j),
      colour: colour(),
      lit: litCell(row, column, count),
      blocks: whole ? Array.from({length: window_()}, (_, frame) => frameName(frame, window_())) : []
    });
  }

  /** What is lit as row and column of the part shown. */
  function litCell(row, column, count) {
    if (!lit || lit.cross) return null;
    const N = names(settings.scale).length;
    const place = end => (end.frame + middle()) * N + end.node;
    if (lit.sender) return {i: place(lit.receiver) - row, j: place(lit.sender) - column};
    if (lit.receiver.scale !== settings.scale) return null;
    const inside = value => (value >= 0 && value < count ? value : null);
    return {i: inside(place(lit.receiver) - row), j: inside(place(lit.receiver) - column)};
  }

  function drawCrosses() {
    for (const {source, canvas} of crosses) {
      const values = data.cross[source];
      const cell = lit?.cross === source ? {i: lit.receiver.node, j: lit.sender.node} : joint(source);
      heat(canvas, {
        rows: names("s3"),
        columns: names(source),
        value: (i, j) => values.at(k, i, j),
        colour: painter((ranges[source] ??= rangeOfValues(values.values)), palette()),
        most: 22,
        lit: cell
      });
    }
  }

  /** A joint pointed at, as row or column of a cross-scale matrix. */
  function joint(source) {
    if (!lit || lit.sender || lit.cross) return null;
    if (lit.receiver.scale === source) return {i: null, j: lit.receiver.node};
    return lit.receiver.scale === "s3" ? {i: lit.receiver.node, j: null} : null;
  }

  function drawPerson() {
    person.show(lit?.sender?.scale ?? settings.scale ?? Object.keys(data.bodies)[0], lit);
  }

  /** The nine blocks of the window, small: each a button. */
  function drawBlocks() {
    blocks.hidden = !graph() || window_() === 1;
    if (blocks.hidden) return;
    const frames = Array.from({length: window_()}, (_, frame) => frame);
    const chosen = settings.block === "own" ? `${middle()},${middle()}` : settings.block;
    const buttons = frames.flatMap(r =>
      frames.map(s => {
        const label = `Block: ${frameName(r, window_())} receives from ${frameName(s, window_())}`;
        const pressed = String(chosen === `${r},${s}`);
        const about = {type: "button", title: label, "aria-label": label, "aria-pressed": pressed};
        return make("button", {...about, onclick: () => set("block", `${r},${s}`)}, make("canvas"));
      })
    );
    const pressed = String(settings.block === "whole");
    const all = {type: "button", class: "all", "aria-pressed": pressed, onclick: () => set("block", "whole")};
    const grid = make("div", {style: `grid-template-columns: repeat(${window_()}, 1fr)`}, ...buttons);
    blocks.replaceChildren(make("span", {}, "Blocks of the window"), grid, make("button", all, "whole window"));
  }

  function stepBlocks() {
    if (blocks.hidden) return;
    const N = names(settings.scale).length;
    const paint = colour();
    blocks.querySelectorAll("canvas").forEach((canvas, place) => {
      const [r, s] = [Math.floor(place / window_()) * N, (place % window_()) * N];
      cells(N, N, (i, j) => entries().at(k, r + i, s + j), paint, canvas);
    });
  }

  function drawStrip() {
    if (!graph()) return;
    const {row, column, count} = part();
    const paint = colour();
    strip.replaceChildren(
      ...data.frames.map((frame, place) => {
        const value = (i, j) => entries().at(place, row + i, column + j);
        const about = {type: "button", "aria-label": `Frame ${frame}`, "aria-pressed": String(place === k)};
        const picture = cells(count, count, value, paint);
        return make("button", {...about, onclick: () => play.stop(place)}, picture, make("span", {}, String(frame)));
      })
    );
  }

  function drawKey() {
    if (!graph()) return;
    const {limit, signed} = range();
    const steps = signed ? palette().diverging : palette().rising;
    const [low, high] = [number(signed ? -limit : 0, 2), number(limit, 2)];
    const ramp = `<i style="background: linear-gradient(90deg, ${steps.join(", ")})"></i>`;
    key.innerHTML = `${low} ${ramp} ${high}, the same in all frames`;
  }

  function drawTable() {
    if (!graph() || !links.open) return;
    const {row, column, count} = part();
    const strongest = [];
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < count; j++) {
        const value = entries().at(k, row + i, column + j);
        if (value) strongest.push({i, j, value});
      }
    }
    strongest.sort((first, second) => Math.abs(second.value) - Math.abs(first.value));
    const name = end => `${names(end.scale)[end.node]} (${frameName(end.frame + middle(), window_())})`;
    table.replaceChildren(
      ...strongest.slice(0, 10).map(cell => {
        const {receiver, sender} = ends(cell);
        const texts = [name(receiver), name(sender), number(cell.value, 3, true)];
        return make("tr", {}, ...texts.map(text => make("td", {}, text)));
      })
    );
  }

  /** Another frame: what changes with it. */
  function step() {
    drawMatrix();
    drawCrosses();
    drawPerson();
    drawTable();
    stepBlocks();
    [...strip.children].forEach((button, place) => button.setAttribute("aria-pressed", String(place === k)));
    if (lit) sentence.textContent = words(lit);
  }

  function set(name, value) {
    settings[name] = value;
    lit = null;
    drawBlocks();
    drawStrip();
    drawKey();
    step();
  }

  const play = player({
    numbers: data.frames,
    times: data.times,
    show: place => {
      k = place;
      step();
    }
  });
  const bar = make("div", {class: "view-bar"}, play.bar);
  const scaleChoice = choiceOf("Scale", scales, settings.scale, scale => set("scale", scale));
  const layerChoice = choiceOf("Layer", layers, settings.layer, layer => set("layer", layer));
  const terms = Object.entries(TERMS).map(([term, text]) => [text, term]);
  if (scales.length > 1) bar.append(scaleChoice);
  if (layers.length > 1) bar.append(layerChoice);
  if (scales.length) bar.append(choice("Term of Eq. 2", terms, settings.term, term => set("term", term)));
  const heads = ["receives", "sends", "value"].map(text => make("th", {scope: "col"}, text));
  const links = make(
    "details",
    {ontoggle: () => drawTable()},
    make("summary", {}, "Strongest links of this block"),
    make("table", {}, make("thead", {}, make("tr", {}, ...heads)), table)
  );
  const side = make("div", {class: "adjacency-side"}, person.element, blocks);
  const main = make("div", {class: "adjacency-main"}, make("div", {class: "adjacency-matrix"}, matrix), side);
  const between = make(
    "div",
    {class: "adjacency-crosses"},
    ...crosses.map(({source, canvas}) =>
      make("figure", {}, make("figcaption", {}, `${source} to s3: rows sum to 1 (Eq. 6)`), make("div", {}, canvas))
    )
  );
  room.replaceChildren(bar, main, sentence, key, strip, between, ...(scales.length ? [links] : []));
  if (!scales.length) for (const each of [matrix, key, strip]) each.hidden = true;
  set("term", settings.term);
  light(null);
  play.start();
  new ResizeObserver(() => view.isConnected && step()).observe(room);
  hear(view, ({frame, scale, layer, node, term, block}) => {
    play.stopAt(frame);
    if (scales.includes(scale)) set("scale", (scaleChoice.choose(scale), scale));
    if (layers.includes(layer)) set("layer", (layerChoice.choose(layer), layer));
    if (term in TERMS) set("term", term);
    if (block) set("block", block);
    if (scales.includes(scale) && node != null) light({receiver: {scale, node, frame: 0}});
  });
});
