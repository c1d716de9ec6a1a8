// What stands beside the views: the pointer's tip, the reference point, and the pinned points.

const IN_TIP = 6; // variables
const PARTS = 1000; // steps of a slider

function showTip(i, event) {
  hover(i);
  const { optimizer, seeds, seed, objectives, columns, violation, variables } = S.problem;
  const look = PAGE.optimizers[optimizer[i]], tip = $("tip");
  const lines = (ks) => ks.flatMap((k) => [el("dt", {}, columns[k].label), el("dd", {}, columns[k].written(i))]);
  const more = variables.length - IN_TIP;
  const rest = more > 0 ? [el("dt", {}, `and ${more} more`), el("dd")] : [];
  const CV = columns[violation].values[i] > 0 ? lines([violation]) : [];
  tip.replaceChildren(el("b", {}, `${look.name}, seed ${seeds[seed[i]]}`),
    el("dl", {}, ...lines(objectives), ...CV, el("dt", { class: "part" }),
      ...lines(variables.slice(0, IN_TIP)), ...rest));
  tip.style.borderLeftColor = look.color;
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect(), gap = 14;
  const x = event.clientX + gap + width > window.innerWidth ? event.clientX - gap - width : event.clientX + gap;
  const y = Math.min(event.clientY + gap, window.innerHeight - height - 4);
  tip.style.left = `${Math.max(4, x)}px`;
  tip.style.top = `${Math.max(4, y)}px`;
}

function hideTip() {
  $("tip").hidden = true;
  hover(-1);
}

// ---------------------------------------------------------------- the reference point

function drawSliders() {
  const { objectives, columns, sign, ideal: low, nadir: high } = S.problem;
  $("sliders").replaceChildren(...objectives.map((k, place) => {
    const ends = sorted([low[place] * sign[place], high[place] * sign[place]]);
    return slider(place, columns[k].label, ends);
  }));
}

function slider(place, label, [low, high]) {
  const span = high - low || 1, id = `reference-${place}`;
  const part = (value) => Math.round((PARTS * (value - low)) / span);
  const range = el("input", { type: "range", id, min: 0, max: PARTS, value: part(S.reference[place]),
    "aria-valuetext": shown(S.reference[place]) });
  const field = el("input", { type: "number", step: "any", "aria-label": `${label}, as a number`,
    id: `${id}-number`, value: typed(S.reference[place], span) });
  const set = (value) => {
    S.reference[place] = value;
    range.setAttribute("aria-valuetext", shown(value));
    changed("reference");
  };
  range.addEventListener("input", () => {
    const at = Number(range.value); // the ends are met exactly
    const value = at === 0 ? low : at === PARTS ? high : low + (span * at) / PARTS;
    field.value = typed(value, span);
    set(value);
  });
  field.addEventListener("input", () => {
    if (field.value === "" || !Number.isFinite(field.valueAsNumber)) return;
    range.value = part(field.valueAsNumber);
    set(field.valueAsNumber);
  });
  return el("div", { class: "slider" }, el("label", { for: id, title: label }, label), range, field);
}

$("reference-reset").addEventListener("click", () => {
  S.reference = ideal(S.problem);
  drawSliders();
  changed("reference");
});

// ---------------------------------------------------------------- the points side by side

function drawPoints() {
  const chosen = S.chosen >= 0 ? [{ i: S.chosen, name: "\u2605 chosen", pinned: false }] : [];
  const pins = S.pins.map((i, place) => ({ i, name: letter(place), pinned: true }));
  const points = [...chosen, ...pins];
  $("unpin").hidden = !S.pins.length;
  const hint = S.pins.length ? [] : [el("p", { class: "hint" },
    "Click points in any view to pin them here and compare them.")];
  const none = points.length ? [] : [el("p", { class: "hint" }, "No feasible point is shown.")];
  const table = points.length ? [el("div", { class: "scroll" }, compare(points))] : [];
  $("points").replaceChildren(...none, ...table, ...hint);
  drawSamples(points);
}

function compare(points) {
  const { optimizer, seeds, seed, row, columns, objectives, violation, weights, metrics, variables } = S.problem;
  const heads = points.map(({ i, name, pinned }) => el("th", { scope: "col" }, name, ...(pinned
    ? [el("button", { type: "button", "aria-label": `unpin ${name}`, onclick: () => pin(i) }, "\u00d7")] : [])));
  const line = (label, texts, kind = "") => el("tr", {}, el("th", { scope: "row", title: label }, label),
    ...texts.map((text) => el("td", { class: kind }, el("span", {}, text))));
  const of = (k) => figures(k, points);
  const part = (name, ks) => (ks.length
    ? [el("tr", { class: "part" }, el("th", { colspan: points.length + 1 }, name)), ...ks.map(of)] : []);
  const reported = metrics.filter((k) => known(k, points));
  return el("table", { class: "compare" },
    el("thead", {}, el("tr", {}, el("td"), ...heads)),
    el("tbody", {},
      line("optimizer", points.map(({ i }) => PAGE.optimizers[optimizer[i]].name), "text"),
      line("seed", points.map(({ i }) => seeds[seed[i]])),
      line("row", points.map(({ i }) => String(row[i]))),
      ...part("objectives", objectives), of(violation),
      ...part("weights", weights.filter((k) => known(k, points))),
      ...part("held-out metrics", reported.filter((k) => isHeldOut(columns[k]))),
      ...part("metrics", reported.filter((k) => !isHeldOut(columns[k]))),
      ...part("variables", variables.filter((k) => known(k, points)))));
}

// Whether any of the points has a value in the column.
const known = (k, points) => points.some(({ i }) => !Number.isNaN(column(k).values[i]));

// A row of figures, the best of an objective in bold.
function figures(k, points) {
  const { columns, sign, objectives } = S.problem, place = objectives.indexOf(k), c = columns[k];
  const scores = points.map(({ i }) => (place < 0 ? NaN : sign[place] * c.values[i]));
  const best = Math.min(...scores), worst = Math.max(...scores);
  return el("tr", {}, el("th", { scope: "row", title: c.label }, c.label), ...points.map(({ i }, at) =>
    el("td", { class: scores[at] === best && best < worst ? "best" : "" }, c.written(i))));
}

$("unpin").addEventListener("click", () => {
  S.pins = [];
  changed("marks");
});

// ---------------------------------------------------------------- what models make of samples

function drawSamples(points) {
  const { samples, sampled } = S.problem;
  const found = points.filter(({ i }) => i in sampled);
  const some = samples.length && !found.length ? [el("p", { class: "hint" },
    `Samples are there of ${Object.keys(sampled).length} of these models: `,
    ...Object.entries(sampled).map(([i, place]) => el("button", { type: "button", class: "quiet",
      onclick: () => pin(Number(i)) }, samples[place].title)))] : [];
  $("sampled").replaceChildren(...some);
  $("samples").replaceChildren(...found.map(({ i, name }) => sampleTable(name, samples[sampled[i]])));
}

function sampleTable(name, { title, given, made }) {
  const rows = given.map((own, at) => el("tr", {}, sampleCell(own), sampleCell(made[at])));
  return el("div", {}, el("h3", {}, `Samples of ${name} (${title})`),
    el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "sample"), el("th", {}, "model"))),
      el("tbody", {}, ...rows)));
}

function sampleCell([text, image]) {
  return el("td", {}, ...(image ? [el("img", { src: image, alt: text })] : []), text);
}

views.push((now) => {
  if (["points", "marks", "reference"].some((what) => now.has(what))) drawPoints();
});
