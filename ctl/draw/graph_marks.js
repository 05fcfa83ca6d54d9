// Bones, arrows and the legend of the graph as SVG markup. Needs view.js and graph_links.js.

/** `at(scale, node, frame)` is where a node stands, `faint(scale, node)` how sure its joints are, 0 to 1. */
function graphMarks(data, {at, faint}) {
  const {colours} = data;
  const fixed = point => point.map(part => part.toFixed(1)).join(" ");
  const path = (kind, line, width, more = "") =>
    `<path class="${kind}" d="${line}" stroke-width="${width.toFixed(2)}" ${more}/>`;

  /** A bent arrow, so that arrows there and back lie apart; one to the same place comes from above. */
  function arrow(from, to, {kind, colour, words, share, unit, strong}) {
    const [x1, y1] = to;
    const short = Math.hypot(x1 - from[0], y1 - from[1]) < unit;
    const [x0, y0] = short ? [x1, y1 - 14 * unit] : from;
    const [dx, dy] = [x1 - x0, y1 - y0];
    const length = Math.hypot(dx, dy);
    const bend = Math.min(12 * unit, 0.18 * length) / length;
    const middle = [(x0 + x1) / 2 - dy * bend, (y0 + y1) / 2 + dx * bend];
    const reach = Math.max(1e-6, Math.hypot(x1 - middle[0], y1 - middle[1]));
    const [ux, uy] = [(x1 - middle[0]) / reach, (y1 - middle[1]) / reach];
    const tip = [x1 - 5 * unit * ux, y1 - 5 * unit * uy];
    const base = [tip[0] - 5 * unit * ux, tip[1] - 5 * unit * uy];
    const head = [
      tip,
      [base[0] - 3 * unit * uy, base[1] + 3 * unit * ux],
      [base[0] + 3 * unit * uy, base[1] - 3 * unit * ux]
    ];
    const line = `M${fixed([x0, y0])}Q${fixed(middle)} ${fixed(base)}`;
    const width = (strong ? 1.4 : 1) * (1 + 2 * share) * unit;
    const dashes = {learned: [4, 3], between: [0.1, 3.6]}[kind]?.map(part => part * unit).join(" ") ?? "none";
    return (
      `<g class="link" data-tip="${escaped(words)}">` +
      path("casing", line, width + 1.6 * unit) +
      path(kind, line, width, `stroke="${colour}" stroke-dasharray="${dashes}"`) +
      `<path class="tip" d="M${head.map(fixed).join("L")}Z" fill="${colour}"/></g>`
    );
  }

  function bone(scale, {i, j, value}, place, unit) {
    const names = data.bodies[scale].names;
    const words = `${names[i]} and ${names[j]}: ${number(value, 2)}, joined by the body`;
    const line = `M${fixed(at(scale, i))}L${fixed(at(scale, j))}`;
    const width = (1.4 + 2.2 * place) * unit;
    const seen = Math.min(faint(scale, i), faint(scale, j)).toFixed(2);
    return (
      `<g class="link" opacity="${seen}" data-tip="${words}">` +
      path("casing", line, width + 1.4 * unit) +
      path("bone", line, width, `stroke="${colourAt(colours.graph, place)}"`) +
      "</g>"
    );
  }

  const sign = value => (value > 0 ? colours.positive : colours.negative);

  return {
    /** All bones of a scale, and its strongest learned links. */
    within(scale, {bones, learned}, {range, unit, count, least}) {
      const names = data.bodies[scale].names;
      const span = range.high - range.low;
      const shown = learned.slice(0, count).filter(({value}) => Math.abs(value) >= least);
      const solid = bones.map(each => bone(scale, each, span > 1e-6 ? (each.value - range.low) / span : 0.5, unit));
      const dashed = shown.reverse().map(({receiver, sender, value}) =>
        arrow(at(scale, sender), at(scale, receiver), {
          kind: "learned",
          colour: sign(value),
          words: `${names[receiver]} receives ${number(value, 2, true)} from ${names[sender]}, learned`,
          share: Math.abs(value) / Math.max(range.link, 1e-12),
          unit
        })
      );
      return solid.join("") + dashed.join("");
    },

    /** A link of the chosen node; one from another frame starts at a hollow dot, where the sender was then. */
    chosen(link, {range, unit, then}) {
      const [toScale, to] = link.receiver;
      const [fromScale, from] = link.sender;
      const start = at(fromScale, from, then);
      const between = link.reach === "scale";
      const ghost = link.offset ? `<circle class="ghost" cx="${start[0]}" cy="${start[1]}" r="${3 * unit}"/>` : "";
      return (
        ghost +
        arrow(start, at(toScale, to), {
          kind: between ? "between" : link.joined ? "physical" : "learned",
          colour: between ? colours.graph.at(-1) : link.joined ? colours.graph[3] : sign(link.value),
          words: sentence(data, link),
          share: between ? 0.3 : Math.min(link.joined ? 0.5 : 1, Math.abs(link.value) / Math.max(range.link, 1e-12)),
          unit,
          strong: true
        })
      );
    },

    legend({low, high, link}) {
      const line = (colour, dashes, cap = "butt") =>
        `<svg viewBox="0 0 30 8" aria-hidden="true"><path d="M1 4H29" stroke="${colour}" stroke-width="3" ` +
        `stroke-linecap="${cap}" stroke-dasharray="${dashes}"/></svg>`;
      const ramp = `<i style="background: linear-gradient(90deg, ${colours.graph.join(", ")})"></i>`;
      const parts = [];
      if (data.layers.length) {
        parts.push(
          `joined by the body ${number(low, 2)} ${ramp} ${number(high, 2)}`,
          `${line(colours.positive, "6 4")} learned, positive`,
          `${line(colours.negative, "6 4")} negative, up to ±${number(link, 2)}`
        );
      }
      if (Object.keys(data.cross).length) {
        parts.push(`${line(colours.graph.at(-1), ".1 5", "round")} between scales, of a chosen joint`);
      }
      return parts.map(part => `<span>${part}</span>`).join("");
    }
  };
}
