"""How the graph explorer looks and answers: its legend, style sheet and scripts."""

from typing import Final

from ctl.draw.palette import CASING, GRAPH, NEGATIVE, POSITIVE

LEGEND: Final = f"""<ul class="graph-legend">
<li><svg viewBox="0 0 30 8" aria-hidden="true"><path class="physical" d="M1 4H29" stroke="{GRAPH[3]}" \
stroke-width="3"/></svg>joined by the body</li>
<li><svg viewBox="0 0 30 8" aria-hidden="true"><path class="learned" d="M1 4H29" stroke="{POSITIVE}" \
stroke-width="3"/></svg>learned, positive</li>
<li><svg viewBox="0 0 30 8" aria-hidden="true"><path class="learned" d="M1 4H29" stroke="{NEGATIVE}" \
stroke-width="3"/></svg>learned, negative</li>
<li><svg viewBox="0 0 30 8" aria-hidden="true"><path class="between" d="M1 4H29" stroke="{GRAPH[-1]}" \
stroke-width="3"/></svg>between scales; the square is the other scale's part</li></ul>"""

STYLE: Final = f"""
.graph-view {{ display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; align-items: flex-start }}
.graph-stage {{ flex: 1 1 34rem; min-width: min(34rem, 100%); overflow-x: auto }}
.graph-stage svg {{ display: block; width: 100%; min-width: calc(var(--frames) * 9rem); height: auto;
  max-width: calc(var(--frames) * 17rem) }}
.graph-side {{ flex: 1 1 24rem; min-width: min(24rem, 100%) }}
.graph-view .head {{ font: 9px system-ui, sans-serif; text-anchor: middle; fill: currentColor }}
.graph-view .absent {{ fill: none; stroke: currentColor; stroke-dasharray: 4 4; opacity: .5 }}
.graph-view path {{ stroke-linecap: round }}
.graph-view .bone {{ stroke: #fff; stroke-opacity: .45; stroke-width: 1 }}
.graph-view .dot {{ fill: #fff; stroke: {CASING}; stroke-width: .6 }}
.graph-view .links {{ display: none; pointer-events: none }}
.graph-view .links.shown {{ display: inline }}
.graph-view .casing {{ stroke: {CASING}; stroke-opacity: .6 }}
.graph-view .learned {{ stroke-dasharray: 4 3 }}
.graph-view .between {{ stroke-dasharray: .1 3.6 }}
.graph-view .tip {{ stroke: {CASING}; stroke-width: .5; fill-opacity: 1 }}
.graph-view .square {{ fill: {GRAPH[-1]}; stroke: {CASING}; stroke-width: 1 }}
.graph-view .node {{ cursor: pointer; outline: none }}
.graph-view .reach {{ fill: transparent }}
.graph-view .ring {{ fill: none; stroke: transparent; stroke-width: 2 }}
.graph-view .disc {{ stroke: {CASING}; stroke-width: 1 }}
.graph-view .node:hover .ring, .graph-view .node[aria-pressed=true] .ring {{ stroke: #fff }}
.graph-view .node:focus-visible .ring {{ stroke: #fff; stroke-dasharray: 3 2 }}
.graph-legend {{ list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: 0 0 .5rem; padding: 0;
  font-size: .875rem }}
.graph-legend li {{ display: flex; align-items: center; gap: .4rem }}
.graph-legend svg {{ width: 30px; height: 8px; flex: none; background: {CASING}; border-radius: 2px }}
.graph-said {{ min-height: 3em; margin: .25rem 0 .5rem; font-size: .9375rem }}
.graph-scroll {{ overflow-x: auto }}
.graph-view table {{ border-collapse: collapse; font-size: .8125rem; font-variant-numeric: tabular-nums }}
.graph-view caption {{ text-align: left; font-weight: 600; padding-bottom: .25rem }}
.graph-view th, .graph-view td {{ text-align: left; border: 0; padding: .2rem .6rem .2rem 0; white-space: nowrap }}
.graph-view th:first-child, .graph-view :is(th, td):nth-child(n+5) {{ text-align: right }}
"""

SCRIPT: Final = """
let chosen = 0;
const all = selector => [...element.querySelectorAll(selector)];
const of = node => Number(node.dataset.node);

function show(number) {
  all(".links").forEach(group => group.classList.toggle("shown", of(group) === number));
  all("tbody").forEach(rows => { rows.hidden = of(rows) !== number; });
}

function choose(number, tell) {
  const nodes = all(".node");
  if (!nodes.length) return;
  const node = nodes.find(one => of(one) === number) || nodes[0];
  chosen = of(node);
  nodes.forEach(one => {
    one.setAttribute("aria-pressed", String(one === node));
    one.setAttribute("tabindex", one === node ? "0" : "-1");
  });
  show(chosen);
  element.querySelector(".graph-said").textContent = node.dataset.said;
  if (tell && typeof trigger === "function")
    trigger("select", {scale: node.closest(".graph-view").dataset.scale, node: chosen, name: node.dataset.name});
}

const STEPS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

function neighbour(node, [dx, dy]) {
  let best = null, least = Infinity;
  for (const other of all(".node")) {
    const x = other.dataset.x - node.dataset.x, y = other.dataset.y - node.dataset.y;
    const ahead = x * dx + y * dy, aside = Math.abs(x * dy) + Math.abs(y * dx);
    if (other !== node && ahead > 0 && ahead >= aside * 0.5 && ahead + 2 * aside < least) {
      best = other;
      least = ahead + 2 * aside;
    }
  }
  return best;
}

element.addEventListener("click", event => {
  const node = event.target.closest(".node");
  if (node) { node.focus(); choose(of(node), true); }
});
element.addEventListener("mouseover", event => {
  const node = event.target.closest(".node");
  if (node) show(of(node));
});
element.addEventListener("mouseout", event => { if (event.target.closest(".node")) show(chosen); });
element.addEventListener("focusin", event => {
  const node = event.target.closest(".node");
  if (node && of(node) !== chosen) choose(of(node), false);
});
element.addEventListener("keydown", event => {
  const node = event.target.closest(".node");
  if (!node) return;
  const nodes = all(".node");
  const next = event.key in STEPS ? neighbour(node, STEPS[event.key])
    : event.key === "Home" ? nodes[0] : event.key === "End" ? nodes[nodes.length - 1] : null;
  if (next) { next.focus(); choose(of(next), true); }
  if (event.key === "Enter" || event.key === " ") choose(of(node), true);
  if (next || event.key in STEPS || event.key === "Enter" || event.key === " ") event.preventDefault();
});
function begin() {
  choose(chosen, false);
  const stage = element.querySelector(".graph-stage");
  if (stage) stage.scrollLeft = (stage.scrollWidth - stage.clientWidth) / 2;
}
if (typeof watch === "function") watch("value", begin);
begin();
"""
"""Body of a function of `element`; `trigger` and `watch` are Gradio's, and may be missing."""

PAGE_SCRIPT: Final = """
const frame = document.getElementById("frame"), views = [...document.querySelectorAll("template")];
const graph = document.getElementById("graph");
let redraw = () => {};
function draw() {
  graph.replaceChildren(views[frame.value].content.cloneNode(true));
  document.getElementById("frame-shown").value = views[frame.value].dataset.frame;
  redraw();
}
draw();
(function (element, watch) {%s})(graph, (name, changed) => { redraw = changed; });
frame.addEventListener("input", draw);
"""
