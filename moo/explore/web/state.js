// What is chosen, and which points that leaves. Every change goes through `changed`, once a frame.

const S = {
  problem: null,
  hidden: new Set(), // places of optimizers
  seed: -1, // all
  brushes: new Map(), // column -> [low, high]
  region: null, // what was selected in the front: {x, y, range | polygon}
  log: new Set(), // columns
  axes: [],
  listed: [], // columns of the parallel coordinates and the table
  pins: [],
  hover: -1,
  reference: [],
  chosen: -1,
  visible: new Uint8Array(0), // of the optimizers and the seed that are shown
  active: new Int32Array(0), // and within all filters
  nActive: 0,
  order: { column: "none", down: false },
};

const FLAT = 1e-14; // a range this small beside the values is rounding
const views = []; // functions of what changed: a set of "points", "marks", "hover", "axes"
let waiting = null;

function changed(...what) {
  if (waiting === null) {
    waiting = new Set();
    requestAnimationFrame(() => {
      const now = waiting;
      waiting = null;
      if (now.has("points")) filter();
      if (now.has("points") || now.has("reference")) choose();
      for (const view of views) view(now);
    });
  }
  for (const each of what) waiting.add(each);
}

// Runs `work` once nothing has asked for it for so many milliseconds.
function debounced(work, wait) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, wait);
  };
}

function filter() {
  const { n, optimizer, seed, columns } = S.problem;
  const brushes = [...S.brushes].map(([k, [low, high]]) => ({ values: columns[k].values, low, high }));
  const inside = S.region ? within(S.region) : () => true;
  let count = 0;
  for (let i = 0; i < n; i++) {
    const on = !S.hidden.has(optimizer[i]) && (S.seed < 0 || seed[i] === S.seed);
    S.visible[i] = on ? 1 : 0;
    if (on && brushes.every((b) => b.values[i] >= b.low && b.values[i] <= b.high) && inside(i)) {
      S.active[count++] = i;
    }
  }
  S.nActive = count;
}

// Whether point i is in the region that was selected in the front.
function within(region) {
  const x = column(region.x).values, y = column(region.y).values;
  if (region.range) {
    const [[left, right], [low, high]] = region.range;
    return (i) => x[i] >= left && x[i] <= right && y[i] >= low && y[i] <= high;
  }
  return (i) => inPolygon(x[i], y[i], region.polygon);
}

// By the parity of crossings to the right.
function inPolygon(x, y, { xs, ys }) {
  let inside = false;
  for (let a = 0, b = xs.length - 1; a < xs.length; b = a++) {
    if (ys[a] > y !== ys[b] > y && x < ((xs[b] - xs[a]) * (y - ys[a])) / (ys[b] - ys[a]) + xs[a]) {
      inside = !inside;
    }
  }
  return inside;
}

// The feasible point shown that minimises the augmented achievement function (Wierzbicki 1980).
function choose() {
  const { columns, objectives, violation, sign, ideal, nadir } = S.problem;
  const isFlat = (low, high) => !(high - low > FLAT * Math.max(Math.abs(low), Math.abs(high)));
  const scale = ideal.map((low, k) => (isFlat(low, nadir[k]) ? 0 : 1 / (nadir[k] - low)));
  const CV = columns[violation].values;
  const F = objectives.map((k) => columns[k].values);
  let best = Infinity;
  S.chosen = -1;
  for (let a = 0; a < S.nActive; a++) {
    const i = S.active[a];
    if (!(CV[i] <= 0)) continue;
    let most = -Infinity, sum = 0;
    for (let k = 0; k < F.length; k++) {
      const miss = sign[k] * (F[k][i] - S.reference[k]) * scale[k];
      if (miss > most) most = miss;
      sum += miss;
    }
    if (most + 1e-4 * sum < best) {
      best = most + 1e-4 * sum;
      S.chosen = i;
    }
  }
}

function pin(i) {
  const at = S.pins.indexOf(i);
  if (at >= 0) S.pins.splice(at, 1);
  else S.pins.push(i);
  changed("marks");
}

// A, B, ..., Z, A1, ...
function letter(place) {
  return String.fromCharCode(65 + (place % 26)) + (place >= 26 ? Math.floor(place / 26) : "");
}

function hover(i) {
  if (i === S.hover) return;
  S.hover = i;
  changed("hover");
}

function setProblem(place) {
  const problem = decoded(PAGE.problems[place]);
  S.problem = problem;
  S.visible = new Uint8Array(problem.n);
  S.active = new Int32Array(problem.n);
  S.brushes.clear();
  S.log.clear();
  S.region = null;
  S.pins = [];
  S.hover = -1;
  S.seed = -1;
  S.reference = ideal(problem);
  S.listed = usual(problem);
  S.axes = usualAxes(problem);
  S.order = { column: "none", down: false };
}

const ideal = (problem) => problem.ideal.map((value, k) => value * problem.sign[k]);

function usual({ objectives, variables, metrics, columns }) {
  const figures = [...metrics.filter((k) => isHeldOut(columns[k])), ...metrics.filter((k) => !isHeldOut(columns[k]))];
  const more = (variables.length ? variables : figures).filter((k) => columns[k].high > columns[k].low);
  const room = Math.floor($("parallel").clientWidth / AXIS) - objectives.length;
  return [...objectives, ...more.slice(0, Math.max(1, Math.min(MOST_VARIABLES, room)))];
}

function usualAxes({ objectives: [first, second = -1, third = -1, ...more] }) {
  if (second < 0) return [-1, first, -1]; // one objective: along the rows
  return [first, second, more.length ? -1 : third];
}

// A column by its place; -1 is the row of the answer, which one objective is drawn along.
function column(k) {
  if (k >= 0) return S.problem.columns[k];
  S.problem.rows ??= ranged({ kind: "row", label: "row" }, Float64Array.from(S.problem.row));
  return S.problem.rows;
}
