"use strict";
// Draws the sessions that a page holds, this one or a newer one of itself, and says how to take all of it away again.
// Of a newer one, once it is settled, charts are drawn when they come into sight.
const show = (source, settle = null) => {
  // --- the sessions ------------------------------------------------------------------------------------------------

  // A cell in quotes, or a plain one, and the comma or the end behind it.
  const cells = (line) => [...line.matchAll(/(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)/g)].map((m) => m[1]?.replaceAll('""', '"') ?? m[2]);

  // What each column is at with each row, and the events as { s, kind, text }.
  function parse(text) {
    const [head, ...lines] = text.trimEnd().split("\n");
    const names = head.split(",").slice(2);
    const session = { times: [], columns: new Map(names.map((name) => [name, []])), events: [] };
    const now = names.map(() => 0);
    for (const line of lines) {
      const [ms, event, ...changes] = cells(line);
      if (event) {
        const at = event.indexOf(": ");
        session.events.push({ s: ms / 1000, kind: event.slice(0, at), text: event.slice(at + 2) });
        continue;
      }
      session.times.push(ms / 1000);
      names.forEach((name, i) => session.columns.get(name).push(now[i] += Number(changes[i] || 0)));
    }
    session.columns.set("ms", session.times.map((s) => 1000 * s));
    const firstRow = lines.findIndex((line) => !cells(line)[1]);
    session.facts = session.events.slice(0, firstRow < 0 ? undefined : firstRow);
    return session;
  }

  const sessions = [...source.querySelectorAll("pre.session")].map((node) => parse(node.textContent));
  const single = sessions.length === 1;
  const letters = ["A", "B"];
  const figureTable = source.getElementById("figures").textContent.trimEnd().split("\n").slice(1).map(cells);

  // Texts of an event's kind; the last one, for what is said again when it changes.
  const textsOf = (session, kind) => session.events.filter((event) => event.kind === kind).map((event) => event.text);
  const lastOf = (session, kind) => textsOf(session, kind).at(-1);
  // Events whose kind begins with a word, for instance every "group ...": [the rest of the kind, the parts of the text].
  const partsOf = (session, word) => session.events.filter((event) => event.kind.startsWith(`${word} `))
    .map((event) => [event.kind.slice(word.length + 1), event.text.split("; ")]);

  function figure(session, [, , what, column, per, factor]) {
    const values = session.columns.get(column), by = session.columns.get(per);
    if (!values || values.length === 0) return null;
    const growth = (list) => list.at(-1) - list[0];
    if (what === "growth") return by && growth(by) > 0 ? factor * growth(values) / growth(by) : null;
    return factor * (what === "highest" ? Math.max(...values) : what === "lowest" ? Math.min(...values) : values.at(-1));
  }

  const inMegabytes = (name) => (session) => session.columns.get(name)?.map((value) => value / 1024);
  const asTotal = (name) => (session) => session.columns.get(name);

  // Growth per second over steps of so many rows.
  const perSecond = (names, step = 1) => (session) => {
    const columns = names.map((name) => session.columns.get(name)).filter(Boolean);
    if (columns.length === 0) return null;
    const sum = (row) => columns.reduce((total, column) => total + column[row], 0);
    return rowsOf(session, step).map((row, i, rows) =>
      (i === 0 ? null : (sum(row) - sum(rows[i - 1])) / (session.times[row] - session.times[rows[i - 1]])));
  };
  const rowsOf = (session, step) => [...session.times.keys()].filter((row) => row % step === 0);
  // Small charts of things that may happen once in a while have so many points.
  const coarse = (session) => Math.ceil(session.times.length / 240);

  // --- small helpers -----------------------------------------------------------------------------------------------

  function element(name, attributes, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined) node.setAttribute(key, value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }

  const plain = new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 });
  const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
  const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });
  const missing = "–";

  const known = (value) => value !== null && value !== undefined;
  const number = (value) => (known(value) ? (Math.abs(value) >= 1000 ? whole : plain).format(value) : missing);
  const short = (value) => (known(value) ? (Math.abs(value) >= 10000 ? compact : plain).format(value) : missing);

  function duration(seconds) {
    const total = Math.round(seconds);
    const hours = Math.floor(total / 3600), minutes = Math.floor((total % 3600) / 60), rest = total % 60;
    const two = (value) => String(value).padStart(2, "0");
    return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
  }

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize);

  // --- tables ------------------------------------------------------------------------------------------------------

  // columns: [heading, "number" | "wide" | ""]; cells are texts or nodes.
  function table(caption, columns, rows) {
    const cell = (name, kind, content) => element(name, { class: kind || null }, content);
    const head = element("tr", {}, ...columns.map(([text, kind]) => {
      const node = cell("th", kind === "number" ? "number" : null, text);
      node.scope = "col";
      return node;
    }));
    const body = rows.map((row) => element("tr", {}, ...row.map((content, i) => cell("td", columns[i][1], content))));
    const node = element("table", { "aria-label": caption }, element("thead", {}, head), element("tbody", {}, ...body));
    return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, node);
  }

  function state(text) {
    const yes = text === "replaced";
    const neutral = ["not asked for", "not needed", "left to its owner"].includes(text);
    const sign = yes ? "\u2713" : neutral ? "\u2013" : "\u2717";
    return element("span", { class: `state ${yes ? "yes" : neutral ? "" : "no"}` }, `${sign} ${text}`);
  }

  // --- charts ------------------------------------------------------------------------------------------------------

  const inks = ["--one", "--two", "--three", "--four"];
  // Lines are told apart by their dashes as well, so that colour is never needed.
  const dashes = [[], [9, 4], [2, 3], [12, 3, 2, 3]];
  const charts = [];
  window.reportCharts = charts;

  function swatch(ink, dash) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 40 12");
    svg.setAttribute("aria-hidden", "true");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
    for (const [key, value] of Object.entries({ x1: 1, x2: 39, y1: 6, y2: 6, "stroke-width": 3, "stroke-dasharray": dash.join(" ") })) {
      line.setAttribute(key, value);
    }
    line.style.stroke = `var(${ink})`;
    svg.append(line);
    return svg;
  }

  // lines: [{ label, values, ink, dash }] over common x; every value may be null.
  function dataTable(caption, xTitle, xTexts, lines) {
    const step = Math.max(1, Math.ceil(xTexts.length / 60));
    const details = element("details", {}, element("summary", {}, "Data"));
    // Built when it is first opened: most readers never look.
    details.addEventListener("toggle", () => {
      if (!details.open || details.children.length > 1) return;
      const columns = [[xTitle, ""], ...lines.map((line) => [line.label, "number"])];
      const rows = [];
      for (let i = 0; i < xTexts.length; i += step) {
        rows.push([xTexts[i], ...lines.map((line) => number(line.values[i]))]);
      }
      details.append(table(caption, columns, rows));
    });
    return details;
  }

  const timeSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 36000, 86400];

  function axes(spec) {
    const common = {
      stroke: () => colour("--soft"),
      grid: { stroke: () => colour("--grid"), width: 1 },
      ticks: { stroke: () => colour("--grid"), width: 1, size: 4 },
      font: `${Math.round(rem() * 0.78)}px system-ui, sans-serif`,
    };
    const size = Math.round(rem() * 3.6);
    return [
      { ...common, size: Math.round(rem() * 2), space: rem() * (spec.bars ? 3.9 : 4.5), incrs: spec.bars ? [1, 2, 3, 4, 6] : timeSteps,
        values: (_, values) => values.map(spec.xAxis || spec.xText) },
      { ...common, size, space: rem() * 2, values: (_, values) => values.map(short) },
    ];
  }

  function range(lines, atZero) {
    let low = Infinity, high = -Infinity;
    for (const line of lines) {
      for (const value of line.values) {
        if (!known(value)) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
    if (low > high) return [0, 1];
    if (atZero) low = Math.min(0, low);
    const room = (high - low || Math.abs(high) || 1) * 0.06;
    return [low < 0 ? low - room : low, high + room];
  }

  const measured = (lines) => lines.some((line) => line.values.some(known));

  // spec: { title, note, unit, lines, x, xTitle, xText, bars, small }
  function chart(spec) {
    const card = element("section", { class: "card chart" }, element("h3", {}, spec.title));
    if (spec.note) card.append(element("p", { class: "soft small" }, spec.note));
    const lines = spec.lines.filter((line) => line.values.some(known));
    if (!measured(lines)) {
      card.classList.add("empty");
      card.append(element("p", { class: "nothing" }, spec.empty || "Not measured in this session."));
      return card;
    }
    const outputs = lines.map(() => element("output", {}));
    const legend = element("ul", { class: "legend" }, ...lines.map((line, i) =>
      element("li", {}, swatch(line.ink, line.dash), line.label, outputs[i])));
    const plot = element("div", { class: "plot", role: "img",
      "aria-label": `${spec.title}: ${lines.map((line) => line.label).join(", ")}. The values are in the table below.` });
    card.append(legend, plot, dataTable(spec.title, spec.xTitle, spec.x.map(spec.xText), lines));

    // Without a place that is pointed at: the last value, of bars the sum.
    const resting = (values) => (spec.bars ? values.reduce((sum, value) => sum + value, 0) : values.findLast(known));
    const show = (index) => outputs.forEach((output, i) => {
      const values = lines[i].values;
      output.textContent = `${short(known(index) ? values[index] : resting(values))}${spec.unit ? " " + spec.unit : ""}`;
    });
    show(null);

    const height = () => Math.round(rem() * (spec.small ? 7.5 : 13));
    const entry = { title: spec.title, drawn: false, plot: null, root: plot };
    const build = () => {
      if (entry.plot) entry.plot.destroy();
      entry.plot = new uPlot({
        width: Math.max(120, plot.clientWidth), height: height(),
        padding: [rem() * 0.5, rem() * 1.4, 0, 0],
        legend: { show: false },
        cursor: { drag: { x: !spec.bars, y: false }, points: { size: 6 }, sync: spec.bars ? undefined : { key: "time" } },
        scales: { x: { time: false, range: spec.bars ? (_, low, high) => [low - 0.6, high + 0.6] : undefined },
                  y: { range: () => range(lines, true) } },
        axes: axes(spec),
        series: [{}, ...lines.map((line) => ({
          label: line.label, stroke: () => colour(line.ink), width: 2 / devicePixelRatio * Math.max(1, devicePixelRatio),
          dash: spec.bars ? [] : line.dash, spanGaps: false,
          fill: spec.bars ? () => colour(line.ink) + (line.dash.length ? "55" : "aa") : undefined,
          paths: spec.bars ? uPlot.paths.bars({ size: [0.7 / lines.length, 80], align: line.align || 0, gap: 2 }) : undefined,
          points: { show: spec.x.length < 3 && !spec.bars },
        }))],
        hooks: {
          draw: [() => { entry.drawn = true; plot.dataset.drawn = "true"; }],
          setCursor: [(u) => show(u.cursor.idx)],
        },
      }, [spec.x, ...lines.map((line) => line.values)], plot);
    };
    entry.build = build;
    entry.resize = () => {
      const width = Math.max(120, plot.clientWidth);
      if (entry.plot && width !== entry.plot.width) entry.plot.setSize({ width, height: height() });
    };
    charts.push(entry);
    return card;
  }

  // One session: its own time; two: the union of both, so that both share an axis.
  function timeline(timesOf) {
    const axis = single ? timesOf(sessions[0]) : [...new Set(sessions.flatMap(timesOf))].sort((a, b) => a - b);
    return { axis, timesOf };
  }

  const time = timeline((session) => session.times);
  const activityTime = timeline((session) => rowsOf(session, coarse(session)).map((row) => session.times[row]));

  // Values of a session on the common axis: where it has no point of its own its last value holds. Null: not measured.
  function onTimeline(line, session, values) {
    if (!values) return line.axis.map(() => null);
    if (single) return values;
    const own = line.timesOf(session);
    const at = new Map(own.map((x, i) => [x, values[i]]));
    const last = own[own.length - 1];
    let held = null;
    return line.axis.map((x) => {
      if (at.has(x)) held = at.get(x);
      return x <= last ? held : null;
    });
  }

  // series: [[label, (session) => values]]
  function overTime(title, unit, series, more = {}, line = time) {
    const lines = [];
    series.forEach(([label, values], index) => sessions.forEach((session, which) => {
      const look = single ? index : which + (series.length > 1 ? 2 * index : 0);
      lines.push({ label: single ? label : `${letters[which]}: ${label}`, values: onTimeline(line, session, values(session)),
        ink: inks[look % inks.length], dash: dashes[look % dashes.length] });
    }));
    return chart({ title, unit, lines, x: line.axis, xTitle: "time", xText: duration, ...more });
  }

  function histogram() {
    const labels = [...sessions[0].columns.keys()].filter((name) => /^(to|above) \d+ [KM]?B$/.test(name));
    const lines = sessions.map((session, which) => ({
      label: single ? "allocations" : `${letters[which]}: allocations`,
      values: labels.map((label) => session.columns.get(label)?.at(-1) ?? 0),
      ink: inks[which], dash: dashes[which], align: single ? 0 : which === 0 ? -1 : 1,
    })).filter((line) => line.values.some((value) => value > 0));
    return chart({ title: "Sizes of allocations", note: "How many blocks of which size were asked for.", lines,
      empty: "No block was counted in this session.",
      x: labels.map((_, i) => i), xTitle: "size", xText: (i) => labels[i] || "",
      xAxis: (i) => (Number.isInteger(i) && labels[i] ? labels[i].replace("to ", "≤ ").replace("above ", "> ") : ""), bars: true });
  }

  const kinds = ["allocated", "freed", "page requests"];

  // What the game asks of us, by the names of the columns: "heap blocks 9 allocated" is of a pattern, "game heap freed" of
  // a group of front doors.
  function activities(session) {
    const found = new Map();
    for (const column of session.columns.keys()) {
      const [, name, group, pattern, kind] = column.match(/^((.+?)(?: (\d+))?) (allocated|freed|page requests)$/) || [];
      if (!name) continue;
      if (!found.has(name)) found.set(name, { name, group, pattern: Number(pattern || 0), columns: {} });
      found.get(name).columns[kind] = column;
    }
    return [...found.values()].sort((a, b) => a.pattern - b.pattern);
  }

  const patternName = (activity) => `Pattern ${activity.pattern}: ${activity.group}`;

  function activityCharts(belongs, nameOf) {
    return activities(sessions[0]).filter(belongs).map((activity) => {
      const used = kinds.filter((kind) => sessions.some((session) => session.columns.get(activity.columns[kind])?.at(-1) > 0))
        .map((kind) => [kind, (session) => perSecond([activity.columns[kind]], coarse(session))(session)]);
      return overTime(nameOf(activity), "/s", used.length && !single ? used.slice(0, 1) : used,
        { small: true, empty: "Never called in this session." }, activityTime);
    });
  }

  // --- sections ----------------------------------------------------------------------------------------------------

  // The plugin's own words; the page only gives them a colour.
  function badge(session) {
    const verdict = lastOf(session, "verdict");
    if (!verdict) return null;
    const well = verdict.includes(": all is well");
    return element("p", { class: `badge ${well ? "good" : "bad"}` }, element("span", { "aria-hidden": "true" }, well ? "\u2713" : "\u25B2"), verdict);
  }

  function tile(value, label) {
    return element("div", { class: "tile" }, element("b", {}, value), element("span", {}, label));
  }

  function tiles(session) {
    return element("div", { class: "tiles" }, tile(lastOf(session, "mode") || missing, "mode"),
      ...figureTable.map((row) => [row, figure(session, row)]).filter(([, value]) => known(value)).map(([[name, unit], value]) =>
        (unit === "s" ? tile(duration(value), name) : tile(`${short(value)}${unit && unit !== "1/s" ? " " + unit : ""}`, name))));
  }

  function headOf(session, which) {
    const version = lastOf(session, "plugin version"), label = lastOf(session, "file"), warnings = textsOf(session, "warning");
    const title = element("div", { class: "title" },
      element(single ? "h1" : "h2", {}, single ? `MemoryPoolNVSE${version ? " " + version : ""}` : `${letters[which]}: ${label}`),
      element("span", { class: "soft small" }, [lastOf(session, "start"), single ? label : null].filter(Boolean).join(" · ")));
    const list = warnings.length === 0 ? null
      : element("ul", { class: "warnings", "aria-label": "Warnings" }, ...warnings.map((text) => element("li", {}, text)));
    return [title, badge(session), list, tiles(session)];
  }

  const heading = (text) => element("h2", {}, text);
  const grid = (list, small) => element("div", { class: small ? "charts small-ones" : "charts" }, ...list);

  function comparison() {
    const rows = figureTable.map((row) => {
      const [a, b] = sessions.map((session) => figure(session, row));
      return [row[0] + (row[1] ? ` (${row[1]})` : ""), number(a), number(b), known(a) && known(b) && a > 0 && b >= 0 ? plain.format(b / a) : missing];
    });
    return element("div", { class: "card" },
      table("Both sessions", [["", ""], ["A", "number"], ["B", "number"], ["B / A", "number"]], rows));
  }

  // What has nothing to show takes little room, at the end.
  const emptyLast = (list) => [...list].sort((a, b) => a.classList.contains("empty") - b.classList.contains("empty"));

  function memoryCharts() {
    const level = (label, column) => [label, inMegabytes(column)];
    const levels = [level("reserved", "reserved KB"), level("committed", "committed KB"), level("live", "live KB")];
    const own = [level("reserved", "own reserved KB"), level("committed", "own committed KB"), level("live", "live KB")];
    return grid(emptyLast([
      ...(single ? [overTime("Memory of the game", "MB", levels), overTime("Memory of the plugin's allocator", "MB", own)]
        : levels.map((one) => overTime(`Memory, ${one[0]}`, "MB", [one]))),
      overTime("Largest hole in the address space", "MB", [level("largest hole", "largest hole KB")],
        { note: "What the game can still get in one piece. Below 64 MB it is about to fail." }),
      overTime("Kernel calls", "", single ? [["saved", asTotal("kernel calls saved")], ["made", asTotal("kernel calls")]]
        : [["saved", asTotal("kernel calls saved")]], { note: "Since the start." }),
      overTime("Allocations", "/s", single ? [["allocations", perSecond(["allocations"])], ["frees", perSecond(["frees"])]]
        : [["allocations", perSecond(["allocations"])]]),
      overTime("Frames", "/s", [["frames", perSecond(["frames"])]]),
      histogram(),
    ]));
  }

  // Functions and slots: { address, state, name, group, pattern }.
  const functionsOf = (session) => partsOf(session, "function").map(([address, [state, name, group, pattern]]) =>
    ({ address, state, name, group, pattern: Number((pattern || "0").replace("pattern ", "")) }));

  function functionList(list) {
    return element("span", {}, ...list.flatMap((one, i) => [i ? element("br") : null, element("code", {}, one.address), " ",
      one.state === "replaced" ? one.name : element("span", {}, one.name, " ", state(one.state))]));
  }

  const activityColumns = [...kinds.map((kind) => [kind, "number"]), ["calls/s", "number"]];

  function activityCells(session, activity) {
    const columns = kinds.map((kind) => activity && session.columns.get(activity.columns[kind]));
    const totals = columns.map((column) => column?.at(-1));
    const all = totals.filter(known).reduce((sum, total) => sum + total, 0);
    return activity ? [...totals.map(number), number(all / (session.times.at(-1) || 1))] : [missing, missing, missing, missing];
  }

  // A function without a pattern of its own is shown with the last pattern of its group.
  function patternTable(session) {
    const all = functionsOf(session);
    const shownUnder = (one) => one.pattern || Math.max(...all.filter((other) => other.group === one.group).map((other) => other.pattern));
    const rows = [...new Set(all.map(shownUnder).filter(Boolean))].sort((a, b) => a - b).map((pattern) => {
      const list = all.filter((one) => shownUnder(one) === pattern);
      const activity = activities(session).find((one) => one.pattern === pattern);
      const odd = list.find((one) => one.state !== "replaced") || list[0];
      return [String(pattern), list[0].group, state(odd.state), ...activityCells(session, activity), functionList(list)];
    });
    return element("div", { class: "card" }, table("Patterns",
      [["pattern", "number"], ["what", ""], ["state", ""], ...activityColumns, ["functions", "wide"]], rows));
  }

  function doorTable(session) {
    const all = functionsOf(session);
    const outcomes = new Map(partsOf(session, "group").map(([name, [first]]) => [name, first]));
    const groups = [...new Set(all.map((one) => one.group))].filter((group) => !all.some((one) => one.group === group && one.pattern));
    const rows = groups.map((group) => {
      const list = all.filter((one) => one.group === group);
      const activity = activities(session).find((one) => one.pattern === 0 && one.group === group);
      return [group, state(outcomes.get(group) || "not asked for"), ...activityCells(session, activity), functionList(list)];
    });
    return element("div", { class: "card" }, table("Front doors",
      [["group", ""], ["state", ""], ...activityColumns, ["functions", "wide"]], rows));
  }

  const card = (title, content) => element("section", { class: "card" }, element("h3", {}, title), content);

  function facts(session) {
    const inTables = (event) => /^(group|function|module) /.test(event.kind);
    const rows = session.facts.filter((event) => !inTables(event)).map((event) => [event.kind, event.text]);
    const order = ["game", "extender", "plugin", "other", "system"];
    const modules = partsOf(session, "module").sort(([, [a]], [, [b]]) => order.indexOf(a) - order.indexOf(b));
    const later = session.events.slice(session.facts.length).filter((event) => !inTables(event));
    const counters = [...session.columns].filter(([name]) => name !== "ms" && !name.endsWith(" KB"));
    const parts = [card("Versions and settings", table("Versions and settings", [["", ""], ["", "wide"]], rows)),
      card("Groups", table("Groups", [["group", ""], ["state", ""], ["", "wide"]],
        partsOf(session, "group").map(([name, [first, ...rest]]) => [name, state(first), rest.join("; ")])))];
    if (modules.length) {
      parts.push(card("Modules of the process", table("Modules", [["name", ""], ["kind", ""], ["version", ""], ["base", ""]],
        modules.map(([name, [kind, version, base]]) => [name, kind, version, element("code", {}, base)]))));
    }
    if (later.length) {
      parts.push(card("Events", table("Events", [["time", "number"], ["", ""], ["", "wide"]],
        later.map((event) => [duration(event.s), event.kind, event.text]))));
    }
    parts.push(card("All counters", table("Counters", [["counter", "wide"], ["total", "number"]],
      counters.map(([name, values]) => [name, number(values.at(-1))]))));
    return element("div", { class: "columns" }, ...parts);
  }

  function build() {
    const head = document.getElementById("head"), main = document.getElementById("main");
    if (!single) head.append(element("h1", {}, "MemoryPoolNVSE: two sessions"));
    sessions.forEach((session, which) => head.append(...headOf(session, which).filter(Boolean)));
    if (!single) main.append(heading("Side by side"), comparison());
    main.append(heading("Over the session"), memoryCharts());
    const patterns = activityCharts((activity) => activity.pattern > 0, patternName);
    if (patterns.length) main.append(heading("Calls per second by pattern"), grid(patterns, true));
    const doors = activityCharts((activity) => activity.pattern === 0, (activity) => activity.name[0].toUpperCase() + activity.name.slice(1));
    if (doors.length) main.append(heading("Calls per second by front door"), grid(doors, true));
    sessions.forEach((session, which) => {
      const of = single ? "" : ` of ${letters[which]}`;
      main.append(heading(`The ten patterns${of}`), patternTable(session));
      main.append(heading(`Front doors and builders${of}`), doorTable(session));
      main.append(heading(`Details${of}`), facts(session));
    });
    document.getElementById("foot").append(
      "Made by MemoryPoolNVSE from the session file. Times count from the session's start. Points of long sessions stand " +
      "for several rows: their peak, for the largest hole their lowest value. Drag in a chart to look closer, double-click to go back.");
  }

  build();
  settle?.();
  const sight = new IntersectionObserver((entries) => entries.filter((one) => one.isIntersecting).forEach((one) => {
    sight.unobserve(one.target);
    charts.find((entry) => entry.root === one.target).build();
  }));
  for (const entry of charts) {
    const { top, bottom } = entry.root.getBoundingClientRect();
    if (!settle || (bottom >= 0 && top <= innerHeight)) entry.build();
    else sight.observe(entry.root);
  }
  let pending = 0;
  const resizing = new ResizeObserver(() => {
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(() => charts.forEach((entry) => entry.resize()));
  });
  resizing.observe(document.body);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const recolour = () => charts.forEach((entry) => entry.plot && entry.build());
  scheme.addEventListener("change", recolour);
  return () => {
    [sight, resizing].forEach((observer) => observer.disconnect());
    cancelAnimationFrame(pending);
    scheme.removeEventListener("change", recolour);
    charts.forEach((entry) => entry.plot?.destroy());
    for (const id of ["head", "main", "foot"]) document.getElementById(id).replaceChildren();
  };
};

// --- a session that goes on ----------------------------------------------------------------------------------------

// Follows it: asks for the page it came from, and shows what is new without losing what the reader opened or entered.
const follow = (takeAway) => {
  const nodes = (selector) => [...document.querySelectorAll(selector)];
  const status = document.createElement("p");
  status.id = "following";
  status.className = "soft small";
  const say = (text) => {
    if (status.textContent !== text) status.textContent = text;
    if (!status.isConnected) document.getElementById("head").prepend(status);
  };

  // What the reader did, by the place of the part in the page; the function does it again.
  function remember() {
    const opened = nodes("details").map((one) => one.open), entered = nodes("input").map((one) => one.value);
    const scrolled = nodes(".scroll").map((one) => [one.scrollLeft, one.scrollTop]), heights = nodes(".plot").map((one) => one.offsetHeight);
    const focusable = "a, button, input, summary, [tabindex]", focus = nodes(focusable).indexOf(document.activeElement);
    const top = scrollY;
    return () => {
      nodes("details").forEach((one, i) => {
        if (!opened[i] || one.open) return;
        one.open = true;
        one.dispatchEvent(new Event("toggle"));
      });
      nodes("input").forEach((one, i) => {
        if (!entered[i] || one.value === entered[i]) return;
        one.value = entered[i];
        one.dispatchEvent(new Event("input", { bubbles: true }));
      });
      nodes(".plot").forEach((one, i) => { one.style.minHeight = `${heights[i] || 0}px`; });
      nodes(".scroll").forEach((one, i) => one.scrollTo(...(scrolled[i] || [0, 0])));
      if (focus >= 0) nodes(focusable)[focus]?.focus({ preventScroll: true });
      scrollTo({ top, behavior: "instant" });
    };
  }

  // Nothing changes below the pointer or what is being selected.
  const isInUse = () => document.hidden || document.querySelector(".plot:is(:hover, :focus-within)") || !getSelection().isCollapsed;

  let seen = "", next = null;
  async function look() {
    const began = performance.now();
    try {
      const response = await fetch(location.pathname, { cache: "no-store", headers: seen ? { "If-None-Match": seen } : {} });
      const text = response.status === 304 ? "" : await response.text();
      if (response.ok && response.headers.has("ETag")) {
        seen = response.headers.get("ETag");
        next = new DOMParser().parseFromString(text, "text/html");
      }
      say(response.ok && !response.headers.has("ETag") ? text : response.ok || response.status === 304
        ? "This page follows the session while it goes on." : `mpnvse watch answers ${response.status}.`);
    } catch {
      say("mpnvse watch has ended: these are the last figures.");
    }
    if (next && !isInUse()) {
      const again = remember();
      takeAway();
      takeAway = show(next, () => {
        document.getElementById("head").prepend(status);
        again();
      });
      next = null;
    }
    // However long it takes on this machine, it leaves nine tenths of the time to the game.
    setTimeout(look, Math.max(1000, 9 * (performance.now() - began)));
  }
  say("");
  setTimeout(look, 1000);
};

const takeAway = show(document);
if (document.querySelector("meta[http-equiv]").content.includes("connect-src 'self'")) follow(takeAway);
