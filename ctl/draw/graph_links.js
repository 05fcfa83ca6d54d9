// What the matrices say of a node or of a frame, as links with their numbers. Needs view.js.

const TOP = 5;

/** What a frame's window, a graph's rows and the weights between scales say of one node: its strongest links. */
function linksOf(data, scale, layer, k, node) {
  const links = {frame: [], window: [], scale: []},
    graph = data.graphs[`${scale}_l${layer}`];
  if (graph) {
    const N = data.bodies[scale].names.length,
      middle = (graph.window - 1) / 2;
    for (let t = 0; t < graph.window; t++) {
      if (!graph.present[k][t]) continue;
      for (let sender = 0; sender < N; sender++) {
        const place = [k, node, t * N + sender],
          value = graph.sum.at(...place);
        if (!value || (t === middle && sender === node)) continue;
        const terms = [graph.physical, graph.mask, graph.context].map(term => term.at(...place));
        links[t === middle ? "frame" : "window"].push({
          reach: t === middle ? "frame" : "window",
          value,
          terms,
          receiver: [scale, node],
          sender: [scale, sender],
          offset: t - middle,
          joined: terms[0] !== 0
        });
      }
    }
  }
  const between = (source, sender, receiver) => {
    const value = data.cross[source].at(k, receiver, sender);
    if (value)
      links.scale.push({
        reach: "scale",
        value,
        terms: [],
        offset: 0,
        joined: false,
        receiver: ["s3", receiver],
        sender: [source, sender]
      });
  };
  if (scale === "s3") {
    for (const source of Object.keys(data.cross))
      data.bodies[source].names.forEach((_, n) => between(source, n, node));
  } else if (scale in data.cross) {
    data.bodies.s3.names.forEach((_, n) => between(scale, node, n));
  }
  return Object.values(links).flatMap(reach =>
    reach.sort((first, second) => Math.abs(second.value) - Math.abs(first.value)).slice(0, TOP)
  );
}

/** Frame k's links within one frame: bones by strength, and the others, strongest first. */
function linksWithin(data, scale, layer, k) {
  const body = data.bodies[scale],
    graph = data.graphs[`${scale}_l${layer}`],
    N = body.names.length;
  const start = graph ? ((graph.window - 1) / 2) * N : 0;
  const entry = (i, j) => (graph ? graph.sum.at(k, i, start + j) : 0);
  const bones = body.bones.map(([i, j]) => ({i, j, value: graph ? (entry(i, j) + entry(j, i)) / 2 : 1}));
  const joined = new Set(body.bones.flatMap(([i, j]) => [i * N + j, j * N + i])),
    learned = [];
  if (graph)
    for (let i = 0; i < N; i++)
      for (let j = 0; j < N; j++) {
        if (i !== j && !joined.has(i * N + j) && entry(i, j))
          learned.push({receiver: i, sender: j, value: entry(i, j)});
      }
  learned.sort((first, second) => Math.abs(second.value) - Math.abs(first.value));
  return {bones, learned};
}

/** What colour and width mean: the same in all frames and scales of a layer. */
function rangeOf(data, layer) {
  const range = {low: Infinity, high: -Infinity, link: 0};
  for (const scale of Object.keys(data.bodies)) {
    if (!data.graphs[`${scale}_l${layer}`]) continue;
    data.frames.forEach((_, k) => {
      const {bones, learned} = linksWithin(data, scale, layer, k);
      for (const {value} of bones) {
        range.low = Math.min(range.low, value);
        range.high = Math.max(range.high, value);
      }
      range.link = Math.max(range.link, Math.abs(learned[0]?.value ?? 0));
    });
  }
  return range;
}

function sentence(data, link) {
  const [receiver, sender] = [link.receiver, link.sender].map(([scale, node]) => data.bodies[scale].names[node]);
  const value = number(link.value, 2, link.reach !== "scale");
  if (link.reach === "scale") {
    return `${receiver} (s3) receives ${value} from ${sender} (${link.sender[0]}), across scales`;
  }
  const frames = Math.abs(link.offset);
  const side = link.offset < 0 ? "before" : "after";
  const when = frames === 0 ? "" : frames === 1 ? ` one frame ${side}` : ` ${frames} frames ${side}`;
  return `${receiver} receives ${value} from ${sender}${when}, ${link.joined ? "joined by the body" : "learned"}`;
}
