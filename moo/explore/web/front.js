// The front: two or three columns against each other, by plotly.

const FEW = 1500; // points up to which SVG draws them, sharper than WebGL and without need of it
const GREY = "#b4bac2";
const IN_SPACE = new Set(["circle", "square", "diamond", "cross", "x"]); // symbols plotly has in 3-D
const WEBGL = Boolean(document.createElement("canvas").getContext("webgl"));

let curves = []; // of each trace the points it shows, null for none that can be chosen
let clouds = null; // traces of points, kept until the points or the axes change
let drawing = false, again = false;
let cost = 0; // milliseconds that the last drawing took
const SLOW = 25; // milliseconds from which the front waits until a brush rests

const inSpace = () => S.axes[2] >= 0 && WEBGL;

function trace(rows, marker, more = {}) {
  const [x, y, z] = S.axes.map((k, place) => (place === 2 && k < 0 ? null : column(k)));
  const pick = (c) => Float64Array.from(rows, (i) => c.values[i]);
  const space = inSpace();
  const type = space ? "scatter3d" : S.problem.n > FEW && WEBGL && !more.text ? "scattergl" : "scatter";
  return {
    type, mode: more.text ? "markers+text" : "markers", hoverinfo: more.skip ? "skip" : "none",
    showlegend: false, x: pick(x), y: pick(y), ...(space ? { z: pick(z) } : {}), marker,
    ...(more.text ? { text: more.text, textposition: "top right", textfont: { size: 12, color: "#1f2933" } } : {}),
  };
}

function symbolOf(look) {
  return inSpace() && !IN_SPACE.has(look.symbol) ? "circle" : look.symbol;
}

function pointTraces() {
  const { optimizer, columns, violation, n } = S.problem;
  const CV = columns[violation].values;
  const groups = PAGE.optimizers.map(() => [[], []]);
  const isActive = new Uint8Array(n);
  for (let a = 0; a < S.nActive; a++) {
    const i = S.active[a];
    isActive[i] = 1;
    groups[optimizer[i]][CV[i] <= 0 ? 0 : 1].push(i);
  }
  const others = [];
  for (let i = 0; i < n; i++) if (S.visible[i] && !isActive[i]) others.push(i);
  const space = inSpace(), size = space ? 3.5 : n > FEW ? 4.5 : 7;
  const made = [[trace(others, { color: "#d5dae0", size: size * 0.75 }, { skip: true }), null]];
  PAGE.optimizers.forEach((look, place) => {
    const [feasible, not] = groups[place], symbol = symbolOf(look);
    const line = { color: "#fff", width: n > FEW || space ? 0 : 0.6 };
    if (feasible.length) made.push([trace(feasible, { color: look.color, size, symbol, line }), feasible]);
    const open = { color: look.color, size, symbol: `${symbol}-open`, line: { color: look.color, width: 1.4 } };
    if (not.length) made.push([trace(not, open), not]);
  });
  return made;
}

function knownTrace() {
  const { known, objectives } = S.problem;
  const places = S.axes.map((k) => objectives.indexOf(k));
  const space = inSpace();
  if (!known.length || places[0] < 0 || places[1] < 0 || (space && places[2] < 0)) return [];
  if (!space && objectives.length > 2) return []; // a projected surface hides what stands before it
  const data = { x: known[places[0]], y: known[places[1]], ...(space ? { z: known[places[2]] } : {}) };
  const marker = { color: GREY, size: space ? 2 : 3.5 };
  return [[{ type: space ? "scatter3d" : "scatter", mode: "markers", hoverinfo: "skip", showlegend: false,
    marker, ...data }, null]];
}

function markTraces() {
  const made = [], space = inSpace();
  const ring = { color: "rgba(0,0,0,0)", size: space ? 9 : 14, symbol: "circle", line: { color: "#1f2933", width: 2 } };
  if (S.pins.length) {
    const marker = space ? { color: "#1f2933", size: 7, symbol: "circle-open", line: { width: 2 } } : ring;
    made.push([trace(S.pins, marker, { text: S.pins.map((_, place) => letter(place)) }), S.pins]);
  }
  if (S.chosen >= 0) {
    const star = { color: "#f0b400", size: 17, symbol: "star", line: { color: "#1f2933", width: 1.2 } };
    const solid = { color: "#f0b400", size: 8, symbol: "diamond", line: { color: "#1f2933", width: 2 } };
    const label = space ? ["\u2605"] : [" "];
    made.push([trace([S.chosen], space ? solid : star, { text: label }), [S.chosen]]);
  }
  return made;
}

function axisLayout(k) {
  const c = column(k);
  const ticks = c.texts && { tickvals: c.texts.map((_, i) => i), ticktext: c.texts.map((text) => plain(text, 14)) };
  return {
    title: { text: plain(c.label), font: { size: 13 } }, type: S.log.has(k) ? "log" : "linear",
    gridcolor: "#e9ecf0", zeroline: false, linecolor: "#8a94a3", ticks: "outside", ticklen: 4,
    tickcolor: "#c5ccd5", tickfont: { size: 11 }, exponentformat: "power", automargin: true, ...ticks,
  };
}

function regionShape() {
  const r = S.region;
  if (!r || r.x !== S.axes[0] || r.y !== S.axes[1] || inSpace()) return [];
  const look = { line: { color: "#0072b2", width: 1, dash: "dot" }, fillcolor: "rgba(0,114,178,.06)", layer: "below" };
  if (r.range) {
    const [[x0, x1], [y0, y1]] = r.range;
    return [{ type: "rect", x0, x1, y0, y1, ...look }];
  }
  const path = r.polygon.xs.map((x, i) => `${i ? "L" : "M"}${x},${r.polygon.ys[i]}`).join("");
  return [{ type: "path", path: `${path}Z`, ...look }];
}

function frontLayout() {
  const [x, y, z] = S.axes;
  const shared = {
    paper_bgcolor: "#fff", plot_bgcolor: "#fff", font: { family: "system-ui, sans-serif", color: "#1f2933" },
    uirevision: [S.problem.name, ...S.axes, ...S.log].join("|"), selectionrevision: Math.random(),
    selections: [], showlegend: false, hovermode: "closest",
  };
  if (inSpace()) {
    const scene = { xaxis: axisLayout(x), yaxis: axisLayout(y), zaxis: axisLayout(z), aspectmode: "cube",
      camera: { eye: { x: 1.6, y: 1.6, z: 0.95 }, center: { x: 0, y: 0, z: -0.12 } } };
    return { ...shared, margin: { l: 0, r: 0, t: 0, b: 0 }, scene };
  }
  return { ...shared, margin: { l: 62, r: 16, t: 26, b: 48 }, xaxis: axisLayout(x), yaxis: axisLayout(y),
    dragmode: "select", shapes: regionShape() };
}

const CONFIG = {
  responsive: true, displaylogo: false, scrollZoom: false, showSendToCloud: false, plotlyServerURL: "",
  modeBarButtonsToRemove: ["autoScale2d", "hoverClosest3d", "resetCameraLastSave3d", "tableRotation"],
};

async function drawFront() {
  if (drawing) {
    again = true;
    return;
  }
  drawing = true;
  const began = performance.now();
  clouds ??= [...knownTrace(), ...pointTraces()];
  const traces = [...clouds, ...markTraces()];
  const first = !$("front").on;
  await Plotly.react($("front"), traces.map(([made]) => made), frontLayout(), CONFIG);
  cost = performance.now() - began;
  curves = traces.map(([, rows]) => rows);
  if (first) listenToFront();
  drawing = false;
  if (again) {
    again = false;
    drawFront();
  }
}

const pointOf = (event) => {
  for (const { curveNumber, pointNumber } of event.points) {
    if (curves[curveNumber]) return curves[curveNumber][pointNumber];
  }
  return -1;
};

function listenToFront() {
  const div = $("front");
  div.on("plotly_hover", (event) => {
    const i = pointOf(event);
    if (i >= 0) showTip(i, event.event);
  });
  div.on("plotly_unhover", hideTip);
  div.on("plotly_click", (event) => {
    const i = pointOf(event);
    if (i >= 0) pin(i);
  });
  div.on("plotly_selected", (event) => {
    const [x, y] = S.axes;
    if (!event || inSpace()) return;
    if (event.range) S.region = { x, y, range: [sorted(event.range.x), sorted(event.range.y)] };
    else if (event.lassoPoints) S.region = { x, y, polygon: { xs: event.lassoPoints.x, ys: event.lassoPoints.y } };
    changed("points", "filters");
  });
  div.on("plotly_deselect", () => {
    S.region = null;
    changed("points", "filters");
  });
}

const sorted = (pair) => [...pair].map(Number).sort((a, b) => a - b);

// ---------------------------------------------------------------- which axes, and how

function drawAxes() {
  const [x, y, z] = S.axes;
  const { objectives, violation, columns, metrics, variables } = S.problem;
  const any = columns[violation].high > 0 ? [violation] : [];
  const first = objectives.length === 1 ? [-1] : [];
  const choices = [...first, ...objectives, ...any, ...metrics, ...variables.slice(0, 200)];
  const space = choices.length > 2 && WEBGL;
  const fields = [axisField("x", 0, choices, x), axisField("y", 1, choices, y)];
  if (space) fields.push(axisField("z", 2, [null, ...choices.filter((k) => k >= 0)], z));
  $("axes").replaceChildren(...fields);
  $("front-hint").textContent = inSpace()
    ? "Drag to turn, scroll on the axes to zoom, click a point to pin it."
    : "Drag to select, double-click to let go, click a point to pin it.";
}

function axisField(name, place, choices, now) {
  const select = el("select", { "aria-label": `${name} axis`, id: `axis-${name}`, onchange: (event) => {
    S.axes[place] = Number(event.target.value);
    changed("axes");
  } });
  for (const k of choices) {
    const value = k === null ? -1 : k;
    const option = el("option", { value }, k === null ? "none" : column(k).label);
    option.selected = value === now;
    select.append(option);
  }
  const field = el("span", { class: "toggle" }, name, select);
  if (place < 2 || now >= 0) field.append(logToggle(name, now));
  return field;
}

function logToggle(name, k) {
  const c = column(k), able = c.low > 0 && !c.texts;
  const box = el("input", { type: "checkbox", id: `log-${name}`, disabled: !able, onchange: () => {
    if (S.log.has(k)) S.log.delete(k);
    else S.log.add(k);
    changed("axes");
  } });
  box.checked = S.log.has(k);
  const why = able ? "logarithmic, here and in the parallel coordinates" : "needs values above 0";
  return el("label", { class: "toggle", title: why }, box, "log");
}

new ResizeObserver(debounced(() => $("front").on && Plotly.Plots.resize($("front")), 60)).observe($("front"));

const drawFrontSoon = debounced(drawFront, 120);

views.push((now) => {
  if (now.has("points") || now.has("axes")) clouds = null;
  if (now.has("axes")) drawAxes();
  const moving = now.has("points") || now.has("reference");
  if (moving && cost > SLOW && !now.has("axes")) drawFrontSoon();
  else if (moving || now.has("axes") || now.has("marks")) drawFront();
});
