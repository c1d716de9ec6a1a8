"use strict";
// The data as typed arrays, and how numbers and names are written.

const PAGE = JSON.parse(document.getElementById("data").textContent);
const MOST_VARIABLES = 12; // drawn and listed unless more are asked for
const AXIS = 56; // pixels that an axis of the parallel coordinates needs for its texts

const $ = (id) => document.getElementById(id);

function bytes(text) {
  const raw = atob(text), out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out.buffer;
}

const floats = (text) => new Float64Array(bytes(text));

// An element with attributes and children; texts become text, never markup.
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// At most six significant digits.
function shown(value) {
  if (Number.isNaN(value)) return "\u2013";
  if (!Number.isFinite(value)) return value > 0 ? "\u221e" : "\u2212\u221e";
  return typed(value).replaceAll("-", "\u2212");
}

// Six significant digits for a field that is typed into; 1e-50 of a range of 1 is 0.
function typed(value, span = 0) {
  const size = Math.abs(value), cut = Number(value.toPrecision(6));
  if (size === 0 || size < 1e-9 * span) return "0";
  return size < 1e-3 || size >= 1e6 ? cut.toExponential().replace("+", "") : String(cut);
}

// plotly reads some HTML and entities in its texts: here they stand for themselves.
function plain(text, most = 40) {
  const cut = text.length > most ? `${text.slice(0, most - 1)}\u2026` : text;
  return cut.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/\$/g, "&#36;");
}

function ranged(column, values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { ...column, values, low, high, written: (i) => cell(column.texts, values[i]) };
}

// Whether a metric was taken on data that no model was trained on.
const isHeldOut = ({ name }) => /^(validation|test) /.test(name);

const decodeColumn = (column) => ranged(column, floats(column.values));

const cell = (texts, value) => (texts && value >= 0 ? texts[value] : shown(value));

// One problem with its points; decoded when it is first looked at.
function decoded(problem) {
  if (problem.decoded) return problem.decoded;
  const columns = problem.columns.map(decodeColumn);
  const of = (kind) => columns.map((c, k) => (c.kind === kind ? k : -1)).filter((k) => k >= 0);
  problem.decoded = {
    ...problem,
    columns,
    optimizer: new Uint16Array(bytes(problem.optimizer)),
    seed: new Uint16Array(bytes(problem.seed)),
    row: new Uint32Array(bytes(problem.row)),
    known: problem.known.map(floats),
    objectives: of("objective"),
    violation: of("violation")[0],
    weights: of("weight"),
    metrics: of("metric"),
    variables: of("variable"),
  };
  return problem.decoded;
}
