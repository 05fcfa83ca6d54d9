// Matrices as heat maps on a canvas. Needs view.js.

const LABEL = 13; // pixels of a label's letters at most

/** "left knee" in the margin of a matrix. */
function short(name) {
  return name.replace("left ", "L ").replace("right ", "R ");
}

/** Whether the page is dark, by its letters. */
function isDark(view) {
  const [red, green, blue] = getComputedStyle(view)
    .color.match(/[\d.]+/g)
    .map(Number);
  return red + green + blue > 384;
}

/** Value to a pixel, the same in all frames: colours run around 0 where any value is negative. */
function painter({limit, signed}, {diverging, rising}) {
  const table = Uint32Array.from({length: 256}, (_, step) => {
    const [red, green, blue] = mixed(signed ? diverging : rising, step / 255);
    return (255 << 24) | (Math.round(blue) << 16) | (Math.round(green) << 8) | Math.round(red);
  });
  const low = signed ? -limit : 0;
  const steps = 255 / (limit - low);
  return value => table[Math.min(255, Math.max(0, Math.round((value - low) * steps)))];
}

/** How far the values reach, and whether any is negative. */
function rangeOfValues(values) {
  let [low, high] = [0, 0];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return {limit: Math.max(-low, high) || 1, signed: low < 0};
}

/** A heat map's cells alone, one pixel each; a canvas that there is already is painted anew. */
function cells(rows, columns, value, colour, canvas = document.createElement("canvas")) {
  if (canvas.width !== columns || canvas.height !== rows) Object.assign(canvas, {width: columns, height: rows});
  const pixels = new Uint32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) pixels[i * columns + j] = colour(value(i, j));
  }
  const image = new ImageData(new Uint8ClampedArray(pixels.buffer), columns, rows);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/**
 * Draw a matrix with names beside it, as wide as there is room, and remember where its cells are.
 * `lit` is a cell to frame, and `lines` splits rows and columns into so many equal blocks, named by `blocks`.
 */
function heat(canvas, {rows, columns, value, colour, most = 30, lit = null, blocks = []}) {
  const room = canvas.parentElement.clientWidth || 600;
  const named = blocks.length > 1 ? 18 : 0;
  const wide = Math.min(most, (room - 2) / columns.length) >= 7 && room > 300;
  const [left, top] = wide ? [88 + named, 88 + named] : [named + 62, named];
  const cell = Math.max(1, Math.min(most, (room - left - 2) / columns.length));
  const [width, height] = [left + cell * columns.length + 2, top + cell * rows.length + 2];
  const zoom = Math.min(2, devicePixelRatio || 1);
  Object.assign(canvas, {width: Math.round(width * zoom), height: Math.round(height * zoom)});
  Object.assign(canvas.style, {width: `${width}px`, height: `${height}px`});
  const pen = canvas.getContext("2d");
  pen.scale(zoom, zoom);
  pen.imageSmoothingEnabled = false;
  const ink = getComputedStyle(canvas).color;
  pen.drawImage(
    cells(rows.length, columns.length, value, colour),
    left,
    top,
    cell * columns.length,
    cell * rows.length
  );
  pen.fillStyle = pen.strokeStyle = ink;
  const size = Math.min(LABEL, cell * 0.95);
  const write = (text, x, y, angle, align, bold = false) => {
    pen.save();
    pen.font = `${bold ? 700 : 400} ${bold ? LABEL : Math.max(size, 9)}px system-ui, sans-serif`;
    pen.translate(x, y);
    pen.rotate(angle);
    pen.textAlign = align;
    pen.textBaseline = "middle";
    pen.fillText(text, 0, 0);
    pen.restore();
  };
  if (size >= 8) {
    rows.forEach((name, i) => write(short(name), left - 5, top + (i + 0.5) * cell, 0, "right", lit?.i === i));
    if (wide)
      columns.forEach((name, j) =>
        write(short(name), left + (j + 0.5) * cell, top - 5, -Math.PI / 2, "left", lit?.j === j)
      );
  }
  if (blocks.length > 1) {
    const [down, along] = [rows.length / blocks.length, columns.length / blocks.length].map(count => count * cell);
    blocks.forEach((name, k) => {
      write(name, 9, top + (k + 0.5) * down, -Math.PI / 2, "center", true);
      write(name, left + (k + 0.5) * along, 9, 0, "center", true);
      if (!k) return;
      pen.fillRect(left, top + k * down - 0.75, cell * columns.length, 1.5);
      pen.fillRect(left + k * along - 0.75, top, 1.5, cell * rows.length);
    });
  }
  if (lit) {
    pen.globalAlpha = 0.45;
    if (lit.i != null) pen.strokeRect(left, top + lit.i * cell, cell * columns.length, cell);
    if (lit.j != null) pen.strokeRect(left + lit.j * cell, top, cell, cell * rows.length);
    pen.globalAlpha = 1;
    pen.lineWidth = 2.5;
    if (lit.i != null && lit.j != null) pen.strokeRect(left + lit.j * cell, top + lit.i * cell, cell, cell);
  }
  canvas.place = {left, top, cell, rows: rows.length, columns: columns.length};
}

/** Row and column under the pointer, or null. */
function cellUnder(canvas, event) {
  const box = canvas.getBoundingClientRect();
  const {left, top, cell, rows, columns} = canvas.place;
  const [i, j] = [
    Math.floor((event.clientY - box.top - top) / cell),
    Math.floor((event.clientX - box.left - left) / cell)
  ];
  return i >= 0 && j >= 0 && i < rows && j < columns ? {i, j} : null;
}

/** A matrix that pointer and arrow keys move over; `moved` gets a cell, or null, and `kept` whether it was pressed. */
function walkable(canvas, label, moved) {
  let at = null;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-roledescription", "matrix");
  canvas.setAttribute("aria-label", `${label}: arrow keys go from cell to cell`);
  canvas.tabIndex = 0;
  canvas.addEventListener("pointermove", event => moved((at = cellUnder(canvas, event))));
  canvas.addEventListener("pointerleave", () => moved(null));
  canvas.addEventListener("blur", () => moved(null));
  canvas.addEventListener("keydown", event => {
    const step = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}[event.key];
    if (!step) return;
    const {rows, columns} = canvas.place;
    const bound = (value, count) => Math.min(count - 1, Math.max(0, value));
    at = at ? {i: bound(at.i + step[0], rows), j: bound(at.j + step[1], columns)} : {i: 0, j: 0};
    moved(at);
    event.preventDefault();
  });
  return canvas;
}
