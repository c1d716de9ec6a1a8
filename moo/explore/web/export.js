// The points shown, or the pinned ones, as files. Numbers are written in full.

function exported() {
  const rows = $("scope").value === "pinned" ? S.pins : [...S.active.subarray(0, S.nActive)];
  const { columns, optimizer, seeds, seed, row, name } = S.problem;
  const taken = new Set(["problem", "optimizer", "seed", "row"]);
  const names = columns.map((c) => {
    let free = c.name;
    while (taken.has(free)) free += "'";
    taken.add(free);
    return free;
  });
  const value = (c, i) => {
    if (c.texts) return c.values[i] >= 0 ? c.texts[c.values[i]] : null;
    return Number.isFinite(c.values[i]) ? c.values[i] : null;
  };
  return rows.map((i) => new Map([
    ["problem", name], ["optimizer", PAGE.optimizers[optimizer[i]].name], ["seed", Number(seeds[seed[i]])],
    ["row", row[i]], ...columns.map((c, k) => [names[k], value(c, i)]),
  ]));
}

function quoted(value) {
  const text = value === null ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

function asCsv(rows) {
  const lines = rows.map((each) => [...each.values()].map(quoted).join(","));
  return [[...rows[0].keys()].map(quoted).join(","), ...lines, ""].join("\n");
}

const asJson = (rows) => `${JSON.stringify(rows.map((each) => Object.fromEntries(each)), null, 1)}\n`;

function download(write, ending, type) {
  const rows = exported();
  if (!rows.length) return;
  const url = URL.createObjectURL(new Blob([write(rows)], { type }));
  const stem = `${PAGE.title}-${S.problem.name}`.replace(/[^\p{L}\p{N}_.-]+/gu, "_").slice(0, 80);
  const link = el("a", { href: url, download: `${stem}.${ending}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

$("csv").addEventListener("click", () => download(asCsv, "csv", "text/csv"));
$("json").addEventListener("click", () => download(asJson, "json", "application/json"));

function drawExport() {
  const none = $("scope").value === "pinned" ? !S.pins.length : !S.nActive;
  $("csv").disabled = $("json").disabled = none;
}

$("scope").addEventListener("change", drawExport);
views.push(drawExport);
