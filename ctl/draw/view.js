// What all views share: data in, elements out, and a player that keeps time.

const SVG = "http://www.w3.org/2000/svg";
const STILL = matchMedia("(prefers-reduced-motion: reduce)").matches;
const RUNNING = "#cancel:not(:disabled)"; // Cancel can be pressed on the page while a clip is run

/** The JSON that Python put into a view. */
function dataOf(view) {
  return JSON.parse(view.querySelector(".view-data").textContent);
}

/** An array of up to three axes that Python packed: as floats, or as whole numbers of steps where a step is given. */
function unpack({shape, data, step}) {
  const letters = atob(data);
  const bytes = new Uint8Array(letters.length);
  for (let place = 0; place < letters.length; place++) bytes[place] = letters.charCodeAt(place);
  if (!step) return arrayOf(shape, new Float32Array(bytes.buffer));
  return arrayOf(shape, new Float32Array(new Int16Array(bytes.buffer)).map(steps => steps * step));
}

/** `at(i, j, k)` reads an entry; along an axis of length 1 every index is the same. */
function arrayOf(shape, values) {
  const steps = shape.map((length, axis) =>
    length === 1 ? 0 : shape.slice(axis + 1).reduce((product, next) => product * next, 1)
  );
  const [first, second = 0, third = 0] = steps;
  return {shape, values, at: (i, j = 0, k = 0) => values[i * first + j * second + k * third]};
}

function dress(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** An HTML element; `onclick` and the like are listeners. */
function make(tag, attributes = {}, ...children) {
  return dress(document.createElement(tag), attributes, children);
}

/** An SVG element. */
function draw(tag, attributes = {}, ...children) {
  return dress(document.createElementNS(SVG, tag), attributes, children);
}

/** Text for markup that is built as a string. */
function escaped(text) {
  return text.replace(/[&<>"]/g, letter => `&#${letter.charCodeAt(0)};`);
}

/** A number for a reader: a true minus sign, none before a zero. */
function number(value, digits = 3, signed = false) {
  const rounded = (Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value).toFixed(digits);
  return (signed && !rounded.startsWith("-") ? "+" + rounded : rounded).replace("-", "−");
}

/** A colour "#rrggbb" of a scale, 0 its first and 1 its last. */
function colourAt(scale, place) {
  const [r, g, b] = mixed(scale, place);
  return `#${[r, g, b].map(part => Math.round(part).toString(16).padStart(2, "0")).join("")}`;
}

/** Red, green and blue, 0 to 255, of a place on a colour scale. */
function mixed(scale, place) {
  const along = Math.min(1, Math.max(0, place)) * (scale.length - 1);
  const low = Math.min(scale.length - 2, Math.floor(along)),
    share = along - low;
  const part = (colour, from) => parseInt(colour.slice(from, from + 2), 16);
  return [1, 3, 5].map(from => part(scale[low], from) * (1 - share) + part(scale[low + 1], from) * share);
}

/** A labelled control that calls `changed` with its value, at once. */
function slider(label, {min, max, step = 1, value, text = String}, changed) {
  const shown = make("b", {}, text(value)); // no <output>, which the label would name instead of the input
  const input = make("input", {
    type: "range",
    min,
    max,
    step,
    value,
    oninput: () => {
      shown.textContent = text(Number(input.value));
      changed(Number(input.value));
    }
  });
  return make("label", {class: "view-slider"}, make("span", {}, label, " ", shown), input);
}

/** One of several values: buttons in a row, as a radio group; `choose` sets it from elsewhere. */
function choice(label, options, value, changed) {
  const name = `choice-${Math.random().toString(36).slice(2)}`;
  const inputs = options.map(([text, key]) => {
    const input = make("input", {
      type: "radio",
      name,
      value: key,
      checked: String(key) === String(value),
      onchange: () => changed(key)
    });
    return make("label", {}, input, make("span", {}, text));
  });
  const group = make("fieldset", {class: "view-choice"}, make("legend", {}, label), ...inputs);
  group.choose = key => {
    const input = [...group.querySelectorAll("input")].find(each => each.value === String(key));
    if (input) input.checked = true;
  };
  return group;
}

/** Pictures that are decoded before they are wanted. `at(k)` is the k-th, and `ready` calls back as they come. */
function reel(uris, ready) {
  const images = uris.map(uri => {
    const image = new Image();
    image.onload = ready;
    image.src = uri;
    return image;
  });
  return {at: k => images[k]};
}

/** Draw a picture over a whole canvas, at the resolution that the screen shows it in. */
function paint(canvas, image, width, height) {
  const zoom = Math.min(2, devicePixelRatio || 1),
    wide = Math.round((canvas.clientWidth || width) * zoom);
  const high = Math.round((wide * height) / width);
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, {width: wide, height: high});
  const pen = canvas.getContext("2d");
  if (image.complete && image.naturalWidth) pen.drawImage(image, 0, 0, wide, high);
  return pen;
}

/** Whether some of an element is on the screen. */
function isSeen(element) {
  const {top, bottom} = element.getBoundingClientRect(); // zeros in a closed tab
  return bottom > 0 && top < innerHeight;
}

/**
 * Play, pause and scrub. `show(k)` draws the k-th of `count` frames. It plays by itself, unless the visitor asked their
 * system for less motion, and rests while nobody sees it or while another clip is run, which needs the processor.
 */
function player({numbers, times, show}) {
  const count = numbers.length,
    span = times[count - 1] - times[0];
  const pause = Math.min(400, Math.max(60, span > 0 ? (span * 1000) / (count - 1) : 100));
  let at = 0,
    playing = false,
    next = 0;
  const button = make("button", {type: "button", class: "view-play", onclick: () => play(!playing)});
  const track = make("input", {
    type: "range",
    min: 0,
    max: count - 1,
    value: 0,
    "aria-label": "Frame",
    oninput: () => stop(Number(track.value))
  });
  const clock = make("output", {class: "view-clock"});
  const bar = make("div", {class: "view-player"}, button, track, clock);

  function go(k) {
    at = Math.min(count - 1, Math.max(0, k));
    track.value = at;
    const words = `frame ${numbers[at]}`;
    track.setAttribute("aria-valuetext", words);
    clock.textContent = `${words} · ${times[at].toFixed(2)} s`;
    show(at);
  }
  function step() {
    if (!bar.isConnected) return;
    if (isSeen(bar.parentElement) && !document.querySelector(RUNNING)) go((at + 1) % count);
    next = setTimeout(step, pause);
  }
  function play(on) {
    playing = on && count > 1;
    clearTimeout(next);
    button.textContent = playing ? "❚❚" : "▶";
    button.setAttribute("aria-label", playing ? "Pause" : "Play");
    if (playing) next = setTimeout(step, pause);
  }
  function stop(k) {
    play(false);
    go(k);
  }
  return {
    bar,
    go,
    play,
    stop,
    /** Stop at a frame by its number, where it is among those played. */
    stopAt: frame => numbers.includes(frame) && stop(numbers.indexOf(frame)),
    start: () => {
      go(at);
      play(!STILL);
    },
    at: () => at
  };
}

/** Tell the other views what is looked at, such as {frame: 3, scale: "s1", node: 7}; the tour may do so, too. */
function tell(view, detail) {
  document.lookedAt = detail;
  document.dispatchEvent(new CustomEvent("ctl:show", {detail: {...detail, by: view}}));
}

/** Hear what other views tell, as long as this one stands, and what was told of the same person before it stood. */
function hear(view, heard) {
  if (document.lookedAt) heard(document.lookedAt);
  document.addEventListener("ctl:show", function listen(event) {
    if (!view.isConnected) document.removeEventListener("ctl:show", listen);
    else if (event.detail.by !== view) heard(event.detail);
  });
}

/** Build the view now, and again for every new value. */
function whenFilled(kind, build) {
  function begin() {
    const view = element.querySelector(`.${kind}-view`);
    if (view) build(view, view.querySelector(".view-room"), dataOf(view));
  }
  if (typeof watch === "function") watch("value", begin);
  begin();
}
