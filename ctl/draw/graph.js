// The graph on the person: the scales of Fig. 3 side by side, in step. Needs view.js, graph_data.js,
// graph_links.js, graph_marks.js.

const TITLES = {s1: "17 joints (s1)", s2: "10 parts (s2)", s3: "5 parts (s3)"};
const WHERE = {frame: "in this frame", scale: "between scales"};
const COLUMNS = ["value", "receives", "sends", "where", "physical", "mask", "context"];
const STEPS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
const HINT = "Point at a joint or a link for its numbers; choose a joint to keep its links in sight.";
const settings = {scale: "all", layer: null, count: 8, least: 0, chosen: null}; // outlive the person

const same = (first, second) => Boolean(first && second) && first.scale === second.scale && first.node === second.node;

function tableRow(data, link) {
  const [receives, sends] = [link.receiver, link.sender].map(
    ([scale, node]) => data.bodies[scale].names[node] + (link.reach === "scale" ? ` (${scale})` : "")
  );
  const where = WHERE[link.reach] ?? `from frame t${link.offset < 0 ? "−" : "+"}${Math.abs(link.offset)}`;
  const terms = link.reach === "scale" ? ["", "", ""] : link.terms.map(value => number(value, 3, true));
  const value = make("th", {scope: "row"}, number(link.value, 3, link.reach !== "scale"));
  return make("tr", {}, value, ...[receives, sends, where, ...terms].map(text => make("td", {}, text)));
}

whenFilled("graph", (view, room, data) => {
  unpackGraphs(data);
  const {width, height, layers, colours} = data;
  const scales = Object.keys(data.bodies);
  const gap = width * 0.1;
  const head = height * 0.1;
  const ranges = {};
  if (!layers.includes(settings.layer)) settings.layer = layers.at(-1) ?? null;
  if (!scales.includes(settings.scale)) settings.scale = "all";
  if (!scales.includes(settings.chosen?.scale)) settings.chosen = null;

  let k = 0;
  let hovered = null;
  let unit = 1; // of the marks, in pixels of a picture: they stay visible on a phone
  const shownScales = () => (settings.scale === "all" ? scales : [settings.scale]);
  const left = scale => shownScales().indexOf(scale) * (width + gap);
  const range = () => (ranges[settings.layer] ??= rangeOf(data, settings.layer));
  const at = (scale, node, frame = k) => {
    const {xy} = data.bodies[scale];
    return [left(scale) + xy.at(frame, node, 0), xy.at(frame, node, 1)];
  };
  const faint = (scale, node) => 0.25 + 0.75 * Math.min(1, data.bodies[scale].scores.at(k, node) / 0.5);
  const linksOfNode = ({scale, node}) => linksOf(data, scale, settings.layer, k, node);
  const marks = graphMarks(data, {at, faint});

  const pictures = reel(data.pictures, () => redraw());
  const canvases = scales.map(() => make("canvas", {"aria-hidden": "true"}));
  const [heads, under, over] = [draw("g"), draw("g"), draw("g", {class: "chosen"})];
  const nodes = scales.flatMap(scale =>
    data.bodies[scale].names.map((name, node) => {
      const disc = draw("circle", {class: "disc", fill: colours[data.bodies[scale].sides[node]]});
      const circles = [draw("circle", {class: "reach"}), draw("circle", {class: "ring"}), disc];
      const about = {class: "node", role: "button", "data-name": name, "aria-label": `${name} (${scale})`};
      const group = draw("g", {...about, "aria-pressed": "false", tabindex: "-1"}, ...circles);
      return Object.assign(group, {scale, node, name});
    })
  );
  const label = "Joints and parts: choose one to see its strongest links";
  const svg = draw("svg", {role: "group", "aria-label": label}, heads, under, over, draw("g", {}, ...nodes));
  const stage = make("div", {class: "graph-stage"}, ...canvases, svg);
  const legend = make("div", {class: "graph-legend"});
  const spoken = make("p", {class: "view-said", "aria-live": "polite"});
  const tip = make("div", {class: "view-tip", hidden: true});
  const table = make("tbody");
  const heading = make("tr", {}, ...COLUMNS.map(text => make("th", {scope: "col"}, text)));
  const scroll = {class: "view-scroll", tabindex: "0", role: "region", "aria-label": "Links of the chosen joint"};
  const details = make(
    "details",
    {hidden: true},
    make("summary", {}, "All numbers of the chosen joint"),
    make("div", scroll, make("table", {}, make("thead", {}, heading), table))
  );

  function redraw() {
    const shown = shownScales();
    const total = shown.length * width + (shown.length - 1) * gap;
    stage.style.setProperty("--aspect", `${total} / ${height + head}`);
    stage.style.setProperty("--most", `${((total / (height + head)) * 36).toFixed(1)}rem`);
    svg.setAttribute("viewBox", `0 ${-head} ${total} ${height + head}`);
    const zoom = (height + head) / (svg.clientHeight || 520);
    unit = Math.max((height / 256) * 0.9, zoom * 1.25);
    scales.forEach((scale, place) => drawPicture(canvases[place], scale, total));
    heads.innerHTML = shown
      .map(scale => `<text class="head" x="${left(scale) + width / 2}" y="${-head * 0.3}">${TITLES[scale]}</text>`)
      .join("");
    heads.setAttribute("font-size", Math.min(head * 0.62, 14 * zoom));
    const node = hovered ?? settings.chosen;
    const links = node ? linksOfNode(node) : [];
    const look = {range: range(), unit, count: settings.count, least: settings.least};
    under.classList.toggle("dim", Boolean(node));
    under.innerHTML = shown
      .map(scale => marks.within(scale, linksWithin(data, scale, settings.layer, k), look))
      .join("");
    over.innerHTML = links
      .filter(link => [link.receiver, link.sender].every(([scale]) => shown.includes(scale)))
      .reverse()
      .map(link => marks.chosen(link, {...look, then: frameBeside(data, k, link.offset)}))
      .join("");
    nodes.forEach(drawNode);
    const told = settings.chosen ? linksOfNode(settings.chosen) : [];
    table.replaceChildren(...told.map(link => tableRow(data, link)));
  }

  function drawPicture(canvas, scale, total) {
    canvas.hidden = !shownScales().includes(scale);
    if (canvas.hidden) return;
    canvas.style.left = `${(100 * left(scale)) / total}%`;
    canvas.style.width = `${(100 * width) / total}%`;
    canvas.style.top = `${(100 * head) / (height + head)}%`;
    paint(canvas, pictures.at(k), width, height);
  }

  function drawNode(group) {
    group.style.display = shownScales().includes(group.scale) ? "" : "none";
    const [x, y] = at(group.scale, group.node);
    const [, ring, disc] = group.children;
    [8, 6, 3.4].forEach((radius, place) => {
      const circle = group.children[place];
      circle.setAttribute("cx", x.toFixed(1));
      circle.setAttribute("cy", y.toFixed(1));
      circle.setAttribute("r", (radius * unit).toFixed(2));
    });
    ring.style.strokeWidth = 2 * unit;
    disc.style.strokeWidth = unit;
    disc.style.opacity = faint(group.scale, group.node);
  }

  /** Keep a node's links in sight, or none; `aloud` says them and tells the other views. */
  function choose(node, aloud = true) {
    settings.chosen = node;
    nodes.forEach(group => group.setAttribute("aria-pressed", String(same(group, node))));
    details.hidden = !node;
    redraw();
    if (!node) spoken.textContent = HINT;
    if (!node || !aloud) return;
    const {name} = nodes.find(group => same(group, node));
    const links = linksOfNode(node);
    const first = ["frame", "window", "scale"].map(reach => links.find(link => link.reach === reach)).filter(Boolean);
    const words = first.map(link => sentence(data, link)).join("; ");
    spoken.textContent = words ? `${words}.` : `${name} has no links.`;
    tell(view, {...node, frame: data.frames[k]});
    if (typeof trigger === "function") trigger("select", {...node, name});
  }

  function neighbour(group, [dx, dy]) {
    const [x0, y0] = at(group.scale, group.node);
    let best = null;
    let least = Infinity;
    for (const each of nodes.filter(each => each !== group && shownScales().includes(each.scale))) {
      const [x1, y1] = at(each.scale, each.node);
      const ahead = (x1 - x0) * dx + (y1 - y0) * dy;
      const aside = Math.abs((x1 - x0) * dy) + Math.abs((y1 - y0) * dx);
      if (ahead > 0 && ahead >= aside * 0.5 && ahead + 2 * aside < least) [best, least] = [each, ahead + 2 * aside];
    }
    return best;
  }

  function point(event) {
    const group = event.target.closest(".node");
    const words = event.target.closest("[data-tip]")?.dataset.tip;
    if (group ? !same(group, hovered) : hovered) {
      hovered = group && {scale: group.scale, node: group.node};
      redraw();
    }
    tip.hidden = !group && !words;
    if (tip.hidden) return;
    tip.textContent = words ?? nodeWords(group);
    tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - 300))}px`;
    tip.style.top = `${event.clientY + 16}px`;
  }

  function nodeWords(group) {
    const [strongest] = linksOfNode(group);
    const score = data.bodies[group.scale].scores.at(k, group.node);
    return `${group.name}, score ${number(score, 2)}${strongest ? `: ${sentence(data, strongest)}` : ""}`;
  }

  function press(event) {
    const group = event.target.closest(".node");
    if (!group) return;
    const own = nodes.filter(each => each.scale === group.scale);
    const next =
      {Home: own[0], End: own.at(-1)}[event.key] ?? (STEPS[event.key] && neighbour(group, STEPS[event.key]));
    const enter = event.key === "Enter" || event.key === " ";
    if (next) {
      play.play(false);
      next.focus();
    }
    if (next || enter) choose({scale: (next ?? group).scale, node: (next ?? group).node});
    if (event.key === "Escape") choose(null);
    if (next || enter || event.key in STEPS) event.preventDefault();
  }

  svg.addEventListener("click", event => {
    const group = event.target.closest(".node");
    group?.focus();
    choose(group && !same(group, settings.chosen) ? {scale: group.scale, node: group.node} : null);
  });
  svg.addEventListener("pointermove", point);
  svg.addEventListener("pointerleave", () => {
    tip.hidden = true;
    hovered = null;
    redraw();
  });
  svg.addEventListener("focusin", event => {
    const group = event.target.closest(".node");
    if (group) nodes.forEach(each => each.setAttribute("tabindex", each === group ? "0" : "-1"));
  });
  svg.addEventListener("keydown", press);

  const play = player({
    numbers: data.frames,
    times: data.times,
    show: place => {
      k = place;
      redraw();
    }
  });
  function setLayer(layer) {
    settings.layer = layer;
    least.querySelector("input").max = Math.max(0.01, Math.ceil(range().link * 100) / 100);
    legend.innerHTML = marks.legend(range());
    redraw();
  }
  const set = (name, value) => {
    settings[name] = value;
    redraw();
  };
  const scaleChoice = choiceOf("Scale", ["all", ...scales], settings.scale, scale => set("scale", scale));
  const layerChoice = choiceOf("Layer", layers, settings.layer, setLayer);
  const most = slider("Learned links", {min: 0, max: 30, value: settings.count}, count => set("count", count));
  const two = value => number(value, 2);
  const least = slider("At least", {min: 0, max: 1, step: 0.01, value: settings.least, text: two}, value =>
    set("least", value)
  );
  const bar = make("div", {class: "view-bar"}, play.bar);
  if (scales.length > 1) bar.append(scaleChoice);
  if (layers.length > 1) bar.append(layerChoice);
  if (layers.length) bar.append(most, least);
  room.replaceChildren(bar, stage, legend, spoken, details, tip);
  nodes[0].setAttribute("tabindex", "0");
  setLayer(settings.layer);
  choose(settings.chosen, false);
  play.start();
  new ResizeObserver(() => view.isConnected && redraw()).observe(stage);
  hear(view, ({frame, scale, layer, node}) => {
    play.stopAt(frame);
    if (layers.includes(layer)) {
      layerChoice.choose(layer);
      setLayer(layer);
    }
    if (scales.includes(scale) && node != null) choose({scale, node}, false);
  });
});
