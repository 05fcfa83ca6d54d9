// What the graph and the matrices have in common: their numbers, and the choice among them. Needs view.js.

/** The sum of two arrays in 32 bits; one may hold for all frames. */
function added(first, second) {
  const [long, short] = first.values.length < second.values.length ? [second, first] : [first, second];
  const {length} = short.values;
  return arrayOf(long.shape, long.values.map((value, place) => value + short.values[place % length]));
}

/** Turn what was packed into arrays, in place, and add up Eq. 2: A is (Ap + Am) + Ac. */
function unpackGraphs(data) {
  for (const graph of Object.values(data.graphs)) {
    for (const term of ["physical", "mask", "context"]) graph[term] = unpack(graph[term]);
    graph.sum = added(added(graph.physical, graph.mask), graph.context);
  }
  for (const source of Object.keys(data.cross)) data.cross[source] = unpack(data.cross[source]);
  for (const body of Object.values(data.bodies)) {
    body.xy = unpack(body.xy);
    body.scores = unpack(body.scores);
  }
}

/** Which of the frames played lies so many frames from the k-th; the k-th itself where that isn't among them. */
function frameBeside(data, k, offset) {
  const beside = data.frames.indexOf(data.frames[k] + offset);
  return beside < 0 ? k : beside;
}

/** Radio buttons for the scales or the layers, each named as itself. */
function choiceOf(label, values, value, changed) {
  return choice(
    label,
    values.map(each => [String(each), each]),
    value,
    changed
  );
}
