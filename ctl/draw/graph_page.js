const frame = document.getElementById("frame"), views = [...document.querySelectorAll("template")];
const graph = document.getElementById("graph");
let redraw = () => {};
function draw() {
  graph.replaceChildren(views[frame.value].content.cloneNode(true));
  document.getElementById("frame-shown").value = views[frame.value].dataset.frame;
  redraw();
}
draw();
explore(graph, (name, changed) => { redraw = changed; });
frame.addEventListener("input", draw);
