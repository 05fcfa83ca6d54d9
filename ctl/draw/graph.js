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
