// The person beside the matrices, with the two ends of a cell lit up. Needs view.js.

/** `pointed` hears the node that the pointer is on, or null; `beside(offset)` is which frame lies so far away. */
function personBeside(data, {pointed, beside}) {
  const {width, height, colours} = data;
  const canvas = make("canvas", {"aria-hidden": "true"});
  const [limbs, dots, rings] = [draw("g"), draw("g"), draw("g")];
  const marks = draw("svg", {viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true"}, limbs, dots, rings);
  const about = {class: "adjacency-person", style: `aspect-ratio: ${width} / ${height}`};
  const pictures = reel(data.pictures, () => again());
  let again = () => {};

  marks.addEventListener("pointermove", event => {
    const node = event.target.dataset?.node;
    if (node != null) pointed({scale: dots.scale, node: Number(node)});
  });
  marks.addEventListener("pointerleave", () => pointed(null));

  /** The body's dots stay the same elements, so that the pointer stays on them. */
  function dotsOf(scale) {
    const {names, sides} = data.bodies[scale];
    dots.scale = scale;
    dots.replaceChildren(
      ...names.map((name, node) =>
        draw("circle", {"data-node": node, fill: colours[sides[node]]}, draw("title", {}, name))
      )
    );
  }

  /** Rings around the two ends, and a line from the sender, where it was in its own frame. */
  function litMarks(lit, at, unit) {
    if (!lit) return "";
    const ring = ([x, y], kind) =>
      `<circle class="${kind}" cx="${x}" cy="${y}" r="${7 * unit}" stroke-width="${2.5 * unit}"/>`;
    const to = at(lit.receiver);
    if (!lit.sender) return ring(to, "receiver");
    const from = at(lit.sender, beside(lit.sender.frame));
    const line = `<path class="lit" d="M${from.join(" ")}L${to.join(" ")}" stroke-width="${2 * unit}"/>`;
    return line + ring(from, "sender") + ring(to, "receiver");
  }

  function show(scale, lit) {
    again = () => show(scale, lit);
    const frame = beside(lit?.receiver?.frame ?? 0);
    paint(canvas, pictures.at(frame), width, height);
    const unit = height / Math.min(256, marks.clientHeight || 400);
    const at = (end, then = frame) => [0, 1].map(axis => data.bodies[end.scale].xy.at(then, end.node, axis));
    const bones = data.bodies[scale].bones.map(([i, j]) => {
      const [from, to] = [i, j].map(node => at({scale, node}).join(" "));
      return `<path class="bone" d="M${from}L${to}" stroke-width="${1.5 * unit}"/>`;
    });
    limbs.innerHTML = bones.join("");
    if (dots.scale !== scale) dotsOf(scale);
    [...dots.children].forEach((dot, node) => {
      const [x, y] = at({scale, node});
      dot.setAttribute("cx", x);
      dot.setAttribute("cy", y);
      dot.setAttribute("r", 3.5 * unit);
    });
    rings.innerHTML = litMarks(lit, at, unit);
  }

  return {element: make("div", about, canvas, marks), show};
}
