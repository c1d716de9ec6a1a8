// The table: only the rows in sight are elements of the page.

const ROW = 26, HEAD = 30;
const WIDTH = { text: 132, short: 74, "": 116 }; // of a cell by its kind, as in page.css
let listing = new Int32Array(0); // the points shown, in the table's order
let cursor = -1; // place in the listing that the keyboard is at

function fields() {
  const { columns, violation, optimizer, seeds, seed } = S.problem;
  const any = columns[violation].high > 0 ? [violation] : [];
  const own = [
    PAGE.optimizers.length > 1 && { key: "optimizer", label: "optimizer", kind: "text", written: (i) => PAGE.optimizers[optimizer[i]].name,
      value: (i) => optimizer[i] },
    seeds.length > 1 && { key: "seed", label: "seed", kind: "short", written: (i) => seeds[seed[i]], value: (i) => seed[i] },
  ].filter(Boolean);
  const { objectives } = S.problem, rest = S.listed.filter((k) => !objectives.includes(k));
  const listed = S.listed.filter((k) => objectives.includes(k));
  return [...own, ...[...listed, ...any, ...rest].map((k) => ({
    key: String(k), label: columns[k].label, kind: "", written: columns[k].written,
    value: (i) => columns[k].values[i],
  }))];
}

function sortListing() {
  listing = S.active.slice(0, S.nActive);
  const field = fields().find(({ key }) => key === S.order.column);
  if (!field) return;
  const keys = new Float64Array(S.problem.n);
  for (const i of listing) keys[i] = Number.isNaN(field.value(i)) ? Infinity : field.value(i);
  const sign = S.order.down ? -1 : 1;
  listing.sort((a, b) => (keys[a] === keys[b] ? a - b : sign * (keys[a] < keys[b] ? -1 : 1)));
}

function heading({ key, label, kind }) {
  const mine = S.order.column === key, arrow = mine ? (S.order.down ? " \u2193" : " \u2191") : "";
  const sort = mine ? (S.order.down ? "descending" : "ascending") : "none";
  return el("span", { class: `cell ${kind}`, role: "columnheader", "aria-sort": sort },
    el("button", { type: "button", title: `sort by ${label}`, onclick: () => {
      S.order = { column: key, down: mine && !S.order.down };
      sortListing();
      drawTable();
    } }, label + arrow));
}

function drawTable() {
  const table = $("table"), listed = fields();
  const width = listed.reduce((sum, { kind }) => sum + WIDTH[kind], 0);
  const head = el("div", { class: "head", role: "row" }, ...listed.map(heading));
  const space = el("div", { class: "space", role: "presentation", style: `height:${listing.length * ROW}px;width:${width}px` });
  const body = el("div", { id: "rows", role: "rowgroup" });
  table.setAttribute("aria-rowcount", listing.length + 1);
  table.replaceChildren(head, body, listing.length ? space : el("p", { class: "empty" },
    "No point passes the filters."));
  drawRows();
}

function drawRows() {
  const table = $("table"), body = $("rows");
  if (!body) return;
  const first = Math.max(0, Math.floor(table.scrollTop / ROW) - 4);
  const last = Math.min(listing.length, first + Math.ceil(table.clientHeight / ROW) + 8);
  const listed = fields(), rows = [];
  for (let place = first; place < last; place++) rows.push(row(place, listed));
  body.replaceChildren(...rows);
}

function row(place, listed) {
  const i = listing[place], pinned = S.pins.indexOf(i);
  const marks = [pinned >= 0 && "pinned", i === S.hover && "near", place === cursor && "cursor"];
  const made = el("div", { class: `row ${marks.filter(Boolean).join(" ")}`, role: "row", "data-point": i,
    "aria-rowindex": place + 2, "aria-selected": String(pinned >= 0), style: `top:${HEAD + place * ROW}px` });
  listed.forEach(({ kind, written }, at) => {
    const mark = at === 0 && pinned >= 0 ? `${letter(pinned)} \u00b7 ` : "";
    const star = at === 0 && i === S.chosen ? "\u2605 " : "";
    made.append(el("span", { class: `cell ${kind}`, role: "gridcell" }, star + mark + written(i)));
  });
  return made;
}

const pointAt = (event) => {
  const found = event.target.closest("[data-point]");
  return found ? Number(found.dataset.point) : -1;
};

$("table").addEventListener("scroll", () => requestAnimationFrame(drawRows), { passive: true });
$("table").addEventListener("click", (event) => {
  const i = pointAt(event);
  if (i >= 0) pin(i);
});
$("table").addEventListener("pointerover", (event) => hover(pointAt(event)));
$("table").addEventListener("pointerleave", () => hover(-1));
$("table").addEventListener("keydown", (event) => {
  const page = Math.floor($("table").clientHeight / ROW) - 2;
  const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[event.key];
  if (event.target !== $("table") || !listing.length) return;
  if (step !== undefined) {
    event.preventDefault();
    cursor = Math.max(0, Math.min(listing.length - 1, cursor + step));
    reveal(cursor);
    hover(listing[cursor]);
    drawRows();
  } else if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    if (cursor >= 0 && cursor < listing.length) pin(listing[cursor]);
  }
});

function reveal(place) {
  const table = $("table"), top = place * ROW, room = table.clientHeight - HEAD - ROW;
  if (top < table.scrollTop) table.scrollTop = top;
  else if (top > table.scrollTop + room) table.scrollTop = top - room;
}

new ResizeObserver(debounced(() => S.problem && drawRows(), 60)).observe($("table"));

views.push((now) => {
  if (now.has("points") || now.has("axes")) {
    cursor = -1;
    sortListing();
    drawTable();
  } else if (["marks", "hover", "reference"].some((what) => now.has(what))) drawRows();
});
