// Parallel coordinates: one line a point, an axis a column, brushed by dragging.

const TOP = 54, BOTTOM = 26, SIDE = 46; // pixels around the axes
const AT_ONCE = 1000; // lines drawn before the page may do something else
const SKETCH = 600; // lines while a brush moves
let task = 0; // number of the drawing under way; a newer one ends it
let back = ""; // what the grey lines were drawn for
let axes = []; // {k, x, low, high, log}

function axisOf(k, x) {
  const c = column(k), log = S.log.has(k);
  const [low, high] = log ? [Math.log10(c.low), Math.log10(c.high)] : [c.low, c.high];
  return { k, x, log, values: c.values, low, high, span: high > low ? high - low : 1, flat: !(high > low) };
}

const size = () => $("parallel").getBoundingClientRect();

function share(axis, value) {
  if (axis.flat) return 0.5;
  return ((axis.log ? Math.log10(value) : value) - axis.low) / axis.span;
}

function valueAt(axis, part) {
  const value = axis.low + Math.min(1, Math.max(0, part)) * axis.span;
  return axis.log ? 10 ** value : value;
}

function pen(id) {
  const canvas = $(id), { width, height } = size(), ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  // Drawn by the processor: where graphics are in software a frame of many lines takes seconds otherwise.
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.lineJoin = "round";
  return context;
}

// Adds the line of point i to the path; where a value is missing the line has a gap.
function addLine(context, i, bottom, height) {
  let down = false;
  for (const axis of axes) {
    const y = bottom - height * share(axis, axis.values[i]);
    if (!Number.isFinite(y)) down = false;
    else if (down) context.lineTo(axis.x, y);
    else {
      context.moveTo(axis.x, y);
      down = true;
    }
  }
}

function layOut() {
  const { width } = size(), n = S.listed.length;
  const step = n > 1 ? (width - 2 * SIDE) / (n - 1) : 0;
  axes = S.listed.map((k, place) => axisOf(k, n > 1 ? SIDE + step * place : width / 2));
}

// The points in the order of their optimizers, a stroke for some of each: long lists let go in between. While
// a brush moves some of the lines stand for all.
function drawLines(most = Infinity) {
  const mine = ++task;
  if (most < S.nActive) drawAllLines();
  const { height } = size(), bottom = height - BOTTOM, tall = bottom - TOP;
  drawBack(bottom, tall);
  const context = pen("lines");
  context.globalAlpha = Math.max(0.04, Math.min(0.75, 10 / Math.sqrt(S.nActive + 1)));
  context.lineWidth = S.nActive > 2000 ? 0.8 : 1.2;
  const step = Math.max(1, Math.ceil(S.nActive / most)), { optimizer } = S.problem;
  const order = S.active.slice(0, S.nActive).filter((_, a) => a % step === 0);
  let start = 0;
  const some = () => {
    if (mine !== task) return;
    const end = Math.min(order.length, start + AT_ONCE);
    const few = S.nActive > 2000 ? 16 : 1; // lines a stroke: crossings within one are not darker
    for (let a = start; a < end; ) {
      const place = optimizer[order[a]];
      context.strokeStyle = PAGE.optimizers[place].color;
      context.beginPath();
      for (let count = 0; a < end && count < few && optimizer[order[a]] === place; count++, a++) {
        addLine(context, order[a], bottom, tall);
      }
      context.stroke();
    }
    start = end;
    if (start < order.length) requestAnimationFrame(some);
  };
  some();
}

const drawAllLines = debounced(() => drawLines(), 150);

// All points that are shown at all, in grey: a stroke of a few hundred of them tells where they are.
// They stay as they are while a brush moves.
function drawBack(bottom, tall) {
  const { width, height } = size(), { name, n } = S.problem;
  const wanted = S.brushes.size || S.region
    ? JSON.stringify([name, S.seed, [...S.hidden], S.listed, [...S.log], width, height]) : "";
  if (wanted === back) return;
  back = wanted;
  const context = pen("lines-back");
  if (!wanted) return;
  context.strokeStyle = "#e4e8ed";
  context.beginPath();
  for (let i = 0, step = Math.max(1, Math.ceil(n / 3000)); i < n; i += step) {
    if (S.visible[i]) addLine(context, i, bottom, tall);
  }
  context.stroke();
}

function drawOver() {
  const context = pen("lines-over"), { height } = size(), bottom = height - BOTTOM, tall = bottom - TOP;
  const line = (i, color, width) => {
    context.strokeStyle = color;
    context.lineWidth = width;
    context.beginPath();
    addLine(context, i, bottom, tall);
    context.stroke();
  };
  for (const i of S.pins) line(i, "#1f2933", 2);
  for (const i of [S.chosen, S.hover]) {
    if (i < 0) continue;
    line(i, "#1f2933", 4);
    line(i, i === S.chosen ? "#f0b400" : PAGE.optimizers[S.problem.optimizer[i]].color, 2.2);
  }
  context.font = "600 12px system-ui";
  context.fillStyle = "#1f2933";
  S.pins.forEach((i, place) => {
    const y = bottom - tall * share(axes[0], axes[0].values[i]);
    if (Number.isFinite(y)) context.fillText(letter(place), axes[0].x - 24, y + 4);
  });
}

// ---------------------------------------------------------------- the axes and their brushes

function drawRails() {
  const { width, height } = size(), step = axes.length > 1 ? axes[1].x - axes[0].x : width;
  $("parallel-axes").replaceChildren(...axes.map((axis, place) => rail(axis, step - 2, width, height)));
}

// Its texts take at most `width` pixels, of a view that has `full` of them.
function rail(axis, width, full, height) {
  const c = column(axis.k), room = 2 * Math.min(axis.x, full - axis.x) - 6;
  const style = `max-width:${Math.max(30, Math.min(width, room))}px`;
  const digits = width > 54 ? 4 : width > 40 ? 3 : 2; // that there is room for
  const end = (value, at) => el("span", { class: "end", style: `${at};${style}` }, written(c, value, digits));
  const track = el("div", { class: "rail", style: `top:${TOP}px;height:${height - TOP - BOTTOM}px`,
    "data-column": axis.k, title: c.label });
  const brush = S.brushes.get(axis.k);
  if (brush) track.append(el("div", { class: "brush", style: brushStyle(axis, brush) }));
  track.addEventListener("pointerdown", (event) => startBrush(event, axis, track));
  track.addEventListener("dblclick", () => setBrush(axis.k, null));
  return el("div", { class: "axis", style: `left:${axis.x}px` },
    el("span", { class: "name", style, title: c.label }, el("span", {}, c.label)),
    end(c.high, "top:36px"), end(c.low, "bottom:5px"), track);
}

// The end of an axis; 1e-50 of a range of 1 is 0.
function written(c, value, digits) {
  if (c.texts) return c.texts[value] ?? "";
  if (!Number.isFinite(value)) return "\u2013";
  return Math.abs(value) < 1e-9 * (c.high - c.low) ? "0" : shown(Number(value.toPrecision(digits)));
}

function brushStyle(axis, [low, high]) {
  const clamp = (part) => 100 * Math.min(1, Math.max(0, part));
  const [from, to] = [clamp(share(axis, low)), clamp(share(axis, high))];
  return `bottom:${from}%;height:max(3px, ${to - from}%)`;
}

function setBrush(k, range) {
  if (range) S.brushes.set(k, range);
  else S.brushes.delete(k);
  changed("points", "filters");
}

// Dragging inside of a brush moves it, anywhere else begins a new one.
function startBrush(event, axis, track) {
  if (event.button !== 0 || axis.flat) return;
  event.preventDefault();
  const { top, height } = track.getBoundingClientRect();
  const part = (e) => 1 - (e.clientY - top) / height;
  const begin = part(event), before = S.brushes.get(axis.k)?.map((value) => share(axis, value));
  const inside = before && begin > before[0] && begin < before[1];
  let moved = false;
  const move = (e) => {
    const now = part(e);
    moved ||= Math.abs(now - begin) * height > 2;
    if (!moved) return;
    const parts = inside ? kept(before, now - begin) : [begin, now].sort((a, b) => a - b);
    setBrush(axis.k, parts.map((p) => valueAt(axis, p)));
  };
  const end = () => {
    window.removeEventListener("pointermove", move);
    window.removeEventListener("pointerup", end);
    if (!moved && before && !inside) setBrush(axis.k, null);
  };
  window.addEventListener("pointermove", move);
  window.addEventListener("pointerup", end);
}

function kept([low, high], by) {
  const shift = Math.min(1 - high, Math.max(-low, by));
  return [low + shift, high + shift];
}

// ---------------------------------------------------------------- the line under the pointer

function nearest(event) {
  const { left, top, height } = size(), x = event.clientX - left, y = event.clientY - top;
  const bottom = height - BOTTOM, tall = bottom - TOP;
  const right = axes.findIndex((axis) => axis.x > x);
  if (right < 1) return -1;
  const [a, b] = [axes[right - 1], axes[right]], part = (x - a.x) / (b.x - a.x);
  let best = 7, found = -1;
  for (let s = 0; s < S.nActive; s++) {
    const i = S.active[s];
    const at = bottom - tall * ((1 - part) * share(a, a.values[i]) + part * share(b, b.values[i]));
    const gap = Math.abs(at - y);
    if (gap < best) [best, found] = [gap, i];
  }
  return found;
}

$("parallel").addEventListener("pointermove", (event) => {
  if (event.buttons) return;
  const i = nearest(event);
  if (i >= 0) showTip(i, event);
  else hideTip();
});
$("parallel").addEventListener("pointerleave", () => hideTip());
$("parallel").addEventListener("click", (event) => {
  const i = event.target.classList.contains("rail") ? -1 : nearest(event);
  if (i >= 0) pin(i);
});

function drawParallel() {
  layOut();
  drawRails();
  drawLines();
  drawOver();
}

new ResizeObserver(debounced(() => S.problem && drawParallel(), 60)).observe($("parallel"));

views.push((now) => {
  if (now.has("axes")) drawParallel();
  else if (now.has("points")) {
    layOut();
    drawRails();
    drawLines(SKETCH);
  }
  if (["points", "marks", "hover", "reference"].some((what) => now.has(what))) drawOver();
});
