const data = JSON.parse(document.getElementById("data").textContent);
const [graph, term, frame, shown, links] = ["graph", "term", "frame", "shown", "links"].map(
  id => document.getElementById(id));
const dark = matchMedia("(prefers-color-scheme: dark)");

function draw() {
  const crossScale = graph.value in data.views;
  term.disabled = crossScale;
  const view = data.views[crossScale ? graph.value : `${graph.value}_${term.value}`];
  const same = view.values.length === 1, at = same ? 0 : +frame.value;
  frame.disabled = same;
  shown.value = same ? "(the same in all)" : data.frames[at];
  const {heat_map, layout} = view.plots[dark.matches ? "dark" : "light"];
  Plotly.react("plot", [{...heat_map, z: view.values[at]}], layout, {responsive: true, displaylogo: false});
  links.replaceChildren(...view.links[at].map(cells => {
    const row = document.createElement("tr");
    row.append(...cells.map(text => Object.assign(document.createElement("td"), {textContent: text})));
    return row;
  }));
}

[graph, term, frame].forEach(control => control.addEventListener("input", draw));
dark.addEventListener("change", draw);
draw();
