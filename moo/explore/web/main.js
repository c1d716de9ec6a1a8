// The head of the page, the filters, and the beginning.

const SHAPES = { // in a box of 12 by 12
  circle: "M6 1.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 1 1 0-9", square: "M2 2h8v8h-8z",
  "triangle-up": "M6 1.5L11 10.5H1z", diamond: "M6 .8L11.2 6L6 11.2L.8 6z", "triangle-down": "M6 10.5L1 1.5h10z",
  cross: "M4.2 1h3.6v3.2H11v3.6H7.8V11H4.2V7.8H1V4.2h3.2z",
  x: "M3.2 1L6 3.8L8.8 1L11 3.2L8.2 6L11 8.8L8.8 11L6 8.2L3.2 11L1 8.8L3.8 6L1 3.2z",
  star: "M6 .6L7.6 4.3L11.6 4.6L8.5 7.2L9.5 11.1L6 9L2.5 11.1L3.5 7.2L.4 4.6L4.4 4.3z",
};

function mark({ color, symbol }) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 12 12");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", SHAPES[symbol]);
  path.setAttribute("fill", color);
  svg.append(path);
  return svg;
}

function drawLegend() {
  const { optimizer, n, known, objectives } = S.problem, counts = PAGE.optimizers.map(() => 0);
  for (let i = 0; i < n; i++) if (S.seed < 0 || S.problem.seed[i] === S.seed) counts[optimizer[i]]++;
  const keys = PAGE.optimizers.map((look, place) => el("button", {
    type: "button", class: "key", "aria-pressed": String(!S.hidden.has(place)), title: look.set, onclick: () => {
      if (S.hidden.has(place)) S.hidden.delete(place);
      else S.hidden.add(place);
      changed("points", "legend");
    } }, mark(look), el("span", {}, look.name), el("small", {}, counts[place].toLocaleString("en"))));
  const front = known.length && objectives.length < 4
    ? [el("span", { class: "key" }, mark({ color: GREY, symbol: "circle" }), "known front")] : [];
  $("legend").replaceChildren(...keys, ...front);
}

function drawCount() {
  const total = S.problem.n.toLocaleString("en"), some = S.nActive.toLocaleString("en");
  $("count").textContent = S.nActive === S.problem.n ? `${total} points` : `${some} of ${total} points`;
}

// ---------------------------------------------------------------- filters, in words and to type

function drawFilters() {
  if ($("filters").contains(document.activeElement) && document.activeElement.type === "number") return;
  const old = $("filters").querySelector("fieldset"), before = old?.scrollTop ?? 0;
  const isOpen = Boolean(old?.parentElement.open); // choosing several columns, one after another
  const chips = [...S.brushes].map(([k, range]) => chip(k, range));
  const region = S.region ? [el("span", { class: "chip" }, el("b", {}, "selection in the front"),
    closer("let the selection go", () => (S.region = null)))] : [];
  $("filters").replaceChildren(...chips, ...region, adder(), columnChoice(isOpen));
  $("filters").querySelector("fieldset").scrollTop = before;
}

function closer(label, act) {
  return el("button", { type: "button", "aria-label": label, onclick: () => {
    act();
    changed("points", "filters");
  } }, "\u00d7");
}

function chip(k, range) {
  const name = column(k).label;
  const end = (at, what) => el("input", { type: "number", step: "any", value: typed(range[at]),
    "aria-label": `${what} ${name}`, oninput: (event) => {
      const now = [...S.brushes.get(k)], value = event.target.valueAsNumber;
      if (!Number.isFinite(value)) return;
      now[at] = value;
      S.brushes.set(k, now);
      changed("points");
    } });
  return el("span", { class: "chip" }, el("b", { title: name }, name), end(0, "least"), "\u2013",
    end(1, "greatest"), closer(`remove the filter on ${name}`, () => S.brushes.delete(k)));
}

function adder() {
  const open = S.listed.filter((k) => !S.brushes.has(k) && !column(k).texts);
  const select = el("select", { id: "add-filter", "aria-label": "add a filter", onchange: () => {
    const k = Number(select.value);
    S.brushes.set(k, [column(k).low, column(k).high]);
    changed("points", "filters");
  } }, el("option", { value: "" }, "add a filter \u2026"));
  for (const k of open) select.append(el("option", { value: k }, column(k).label));
  return select;
}

function columnChoice(isOpen) {
  const { objectives, violation, weights, metrics, variables } = S.problem;
  const choices = [...objectives, violation, ...weights, ...metrics, ...variables.slice(0, 200)];
  const boxes = choices.map((k) => {
    const box = el("input", { type: "checkbox", onchange: () => {
      const on = new Set(S.listed);
      if (box.checked) on.add(k);
      else on.delete(k);
      S.listed = choices.filter((each) => on.has(each));
      if (!S.listed.length) [S.listed, box.checked] = [[k], true];
      for (const each of S.brushes.keys()) if (!S.listed.includes(each)) S.brushes.delete(each);
      changed("points", "axes");
    } });
    box.checked = S.listed.includes(k);
    return el("label", {}, box, column(k).label);
  });
  return el("details", { class: "columns", open: isOpen }, el("summary", {}, "Columns"), el("fieldset", {}, ...boxes));
}

// ---------------------------------------------------------------- the head

function drawHead() {
  const { seeds, notes } = S.problem;
  const options = [el("option", { value: -1 }, "all")];
  seeds.forEach((seed, place) => options.push(el("option", { value: place }, seed)));
  $("seed").replaceChildren(...options);
  $("seed-field").hidden = seeds.length < 2;
  const said = [...PAGE.notes, ...notes];
  $("notes").textContent = said.length ? `${said.join("; ")}.` : "";
}

function open(place) {
  setProblem(place);
  drawHead();
  drawSliders();
  $("problem").value = place;
  history.replaceState(null, "", `#${encodeURIComponent(S.problem.name)}`);
  changed("points", "axes", "marks", "filters", "legend", "reference");
}

function begin() {
  $("title").textContent = PAGE.title;
  $("title").title = PAGE.title;
  const going = PAGE.status === "running" && PAGE.done < PAGE.cells;
  $("status").textContent = going ? `${PAGE.done} of ${PAGE.cells} cells are done` : "";
  $("refresh").hidden = !(PAGE.served && going);
  $("refresh").addEventListener("click", () => location.reload());
  PAGE.problems.forEach(({ name, n }, place) => $("problem").append(
    el("option", { value: place, disabled: n === 0 }, n ? name : `${name} (no results yet)`)));
  $("problem-field").hidden = PAGE.problems.length < 2;
  $("problem").addEventListener("change", (event) => open(Number(event.target.value)));
  $("seed").addEventListener("change", (event) => {
    S.seed = Number(event.target.value);
    changed("points", "legend");
  });
  const asked = PAGE.problems.findIndex(({ name, n }) => n && `#${encodeURIComponent(name)}` === location.hash);
  open(asked >= 0 ? asked : PAGE.problems.findIndex(({ n }) => n > 0));
}

views.push((now) => {
  if (now.has("legend")) drawLegend();
  if (now.has("points")) drawCount();
  if (now.has("filters") || now.has("axes")) drawFilters();
});

begin();
