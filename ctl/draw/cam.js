// Grad-CAM over the playing person, and over a hit in step: no evidence, no tint. Needs view.js.

const tint = {strength: null}; // outlives the person

/** A frame's map as a small picture: the colour says how much, and so does the opacity. */
function layer(map, k, rows, columns, {scale, faintest, opaque}) {
  const canvas = Object.assign(document.createElement("canvas"), {width: columns, height: rows});
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(columns, rows);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const value = map.at(k, i, j);
      const [red, green, blue] = mixed(scale, faintest + (1 - faintest) * value);
      image.data.set([red, green, blue, 255 * Math.min(1, opaque * value)], 4 * (i * columns + j));
    }
  }
  pen.putImageData(image, 0, 0);
  return canvas;
}

/** One tracklet: its canvas, and what is under a place of it. */
function camSide(side, look, ready) {
  const map = unpack(side.map);
  const [, rows, columns] = map.shape;
  const pictures = reel(side.pictures, ready);
  const canvas = make("canvas", {role: "img", "aria-label": `${side.name}, with its map`});
  const caption = make("figcaption");
  return {
    figure: make("figure", {}, canvas, caption),
    canvas,
    map,
    show(k) {
      const {width, height} = side;
      const pen = paint(canvas, pictures.at(k), width, height);
      const zoom = canvas.width / width;
      const [x, y, wide, high] = side.boxes[k].map(value => value * zoom);
      pen.imageSmoothingEnabled = true;
      pen.imageSmoothingQuality = "high";
      pen.globalAlpha = tint.strength;
      pen.drawImage(layer(map, k, rows, columns, look), x, y, wide, high);
      pen.globalAlpha = 1;
      caption.textContent = `${side.name} · ${side.times[k].toFixed(2)} s`;
    },
    /** The map's value under the pointer, or null outside the map. */
    under(event, k) {
      const box = canvas.getBoundingClientRect();
      const zoom = side.width / box.width;
      const [x, y, wide, high] = side.boxes[k];
      const [i, j] = [
        Math.floor((((event.clientY - box.top) * zoom - y) / high) * rows),
        Math.floor((((event.clientX - box.left) * zoom - x) / wide) * columns)
      ];
      return i >= 0 && j >= 0 && i < rows && j < columns ? map.at(k, i, j) : null;
    }
  };
}

whenFilled("cam", (view, room, data) => {
  const {query, hit, pairs, look} = data;
  tint.strength ??= look.strength;
  let k = 0;
  const sides = [camSide(query, look, () => redraw())];
  if (hit) sides.push(camSide(hit, look, () => redraw()));
  const placeOf = side => (side === 0 ? k : pairs[k]);
  const stage = make("div", {class: "cam-stage"}, ...sides.map(side => side.figure));
  const tip = make("div", {class: "view-tip", hidden: true});

  function redraw() {
    sides.forEach((side, which) => side.show(placeOf(which)));
  }

  sides.forEach((side, which) => {
    side.canvas.addEventListener("pointermove", event => {
      const value = side.under(event, placeOf(which));
      tip.hidden = value == null;
      tip.textContent = value == null ? "" : `evidence ${number(value, 2)} of the clip's most`;
      tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - 240))}px`;
      tip.style.top = `${event.clientY + 16}px`;
    });
    side.canvas.addEventListener("pointerleave", () => (tip.hidden = true));
  });

  const [, rows, columns] = sides[0].map.shape;
  const sums = query.frames.map((_, frame) =>
    sides[0].map.values
      .subarray(frame * rows * columns, (frame + 1) * rows * columns)
      .reduce((sum, value) => sum + value, 0)
  );
  const most = Math.max(...sums, 1e-9);
  const bars = query.frames.map((frame, place) => {
    const share = sums[place] / most;
    const label = `Frame ${frame}: ${number(100 * share, 0)} % of the strongest frame's evidence`;
    const about = {type: "button", title: label, "aria-label": label, onclick: () => play.stop(place)};
    return make("button", about, make("i", {style: `height: ${Math.max(3, 100 * share).toFixed(1)}%`}));
  });
  const timeline = make("div", {class: "cam-timeline", role: "group", "aria-label": "Evidence by frame"}, ...bars);

  const play = player({
    numbers: query.frames,
    times: query.times,
    show: place => {
      k = place;
      bars.forEach((bar, which) => bar.setAttribute("aria-pressed", String(which === place)));
      redraw();
    }
  });
  const percent = value => `${value} %`;
  const strength = {min: 0, max: 100, value: Math.round(100 * tint.strength), text: percent};
  const fade = slider("Strength of the map", strength, value => {
    tint.strength = value / 100;
    redraw();
  });
  const ramp = Array.from({length: 9}, (_, step) => {
    const colour = mixed(look.scale, look.faintest + ((1 - look.faintest) * step) / 8).map(Math.round);
    return `rgb(${colour.join(" ")} / ${Math.min(1, (look.opaque * step) / 8)})`;
  });
  const key = make("div", {class: "cam-key"});
  key.innerHTML = `no evidence <i style="background: linear-gradient(90deg, ${ramp.join(", ")})"></i> the clip's most`;
  room.replaceChildren(make("div", {class: "view-bar"}, play.bar, fade), stage, timeline, key, tip);
  play.start();
  new ResizeObserver(() => view.isConnected && redraw()).observe(stage);
  hear(view, ({frame}) => play.stopAt(frame));
});
