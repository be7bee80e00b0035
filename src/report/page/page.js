"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const sessions = data.sessions;
  const single = sessions.length === 1;
  const letters = ["A", "B"];

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
  const megabytes = (value) => (known(value) ? `${whole.format(value)} MB` : missing);

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
    const neutral = text === "not asked for" || text === "not needed";
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

  const time = timeline((session) => session.series.time_s);
  const activityTime = timeline((session) => session.activity_time_s);

  // Values of a session on the common axis: where it has no point of its own its last value holds.
  function onTimeline(line, session, values) {
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
    const labels = sessions[0].histogram.labels;
    const lines = sessions.map((session, which) => ({
      label: single ? "allocations" : `${letters[which]}: allocations`, values: session.histogram.counts,
      ink: inks[which], dash: dashes[which], align: single ? 0 : which === 0 ? -1 : 1,
    })).filter((line) => line.values.length === labels.length && line.values.some((value) => value > 0));
    return chart({ title: "Sizes of allocations", note: "How many blocks of which size were asked for.", lines,
      empty: "No block was counted in this session.",
      x: labels.map((_, i) => i), xTitle: "size", xText: (i) => labels[i] || "",
      xAxis: (i) => (Number.isInteger(i) && labels[i] ? labels[i].replace("to ", "≤ ").replace("above ", "> ") : ""), bars: true });
  }

  function activityCharts(kind, nameOf) {
    return sessions[0][kind].filter((entry) => entry.counted).map((entry) => {
      const find = (session) => session[kind].find((other) => other.name === entry.name);
      const values = (key) => (session) => {
        const found = find(session);
        return found ? found.rates[key] : session.activity_time_s.map(() => null);
      };
      const used = [["allocations", "allocations"], ["releases", "releases"], ["page_requests", "page requests"]]
        .filter(([key]) => sessions.some((session) => find(session) && find(session).totals[key] > 0))
        .map(([key, label]) => [label, values(key)]);
      return overTime(nameOf(entry), "/s", used.length && !single ? used.slice(0, 1) : used,
        { small: true, empty: "Never called in this session." }, activityTime);
    });
  }

  // --- sections ----------------------------------------------------------------------------------------------------

  const words = {
    good: ["\u2713", "all is well"], watch: ["\u25B2", "works, with remarks"],
    partial: ["\u25D0", "partly active"], inactive: ["\u2717", "not active"],
  };

  function badge(session) {
    const [sign, text] = words[session.health];
    return element("span", { class: `badge ${session.health}` }, element("span", { "aria-hidden": "true" }, sign), text);
  }

  function tile(value, label) {
    return element("div", { class: "tile" }, element("b", {}, value), element("span", {}, label));
  }

  function tiles(session) {
    const t = session.totals;
    return element("div", { class: "tiles" },
      tile(`${t.patched} of ${t.functions}`, t.functions_asked === 0 || t.functions_asked === t.functions ? "functions replaced"
        : `functions replaced; ${t.functions_asked} were chosen with the mode`),
      tile(session.info.mode || missing, "mode"),
      tile(duration(t.seconds), "session"),
      tile(short(t.allocations_per_second), "allocations per second"),
      tile(megabytes(t.live_mb.largest), "live memory, peak"),
      tile(megabytes(t.committed_mb.largest), "committed, peak"),
      tile(megabytes(t.largest_hole_mb.smallest), "largest hole, lowest"),
      tile(short(t.saved_kernel_calls), "kernel calls saved"),
      known(t.frame_ms) ? tile(`${plain.format(t.frame_ms)} ms`, "mean frame") : null,
      known(t.memory_share) ? tile(`${plain.format(100 * t.memory_share)} %`, "of frame time in memory work") : null);
  }

  function headOf(session, which) {
    const version = session.info["plugin version"];
    const title = element("div", { class: "title" },
      element(single ? "h1" : "h2", {}, single ? `MemoryPoolNVSE${version ? " " + version : ""}` : `${letters[which]}: ${session.label}`),
      badge(session), element("span", { class: "soft small" }, [session.start, single ? session.label : null].filter(Boolean).join(" · ")));
    const warnings = session.warnings.length === 0 ? null
      : element("ul", { class: "warnings", "aria-label": "Warnings" }, ...session.warnings.map((text) => element("li", {}, text)));
    return [title, warnings, tiles(session)];
  }

  const heading = (text) => element("h2", {}, text);
  const grid = (list, small) => element("div", { class: small ? "charts small-ones" : "charts" }, ...list);

  function comparison() {
    const rows = data.comparison.map((row) => [row.name + (row.unit ? ` (${row.unit})` : ""), number(row.first),
      number(row.second), known(row.ratio) ? plain.format(row.ratio) : missing]);
    return element("div", { class: "card" },
      table("Both sessions", [["", ""], ["A", "number"], ["B", "number"], ["B / A", "number"]], rows));
  }

  // What has nothing to show takes little room, at the end.
  const emptyLast = (list) => [...list].sort((a, b) => a.classList.contains("empty") - b.classList.contains("empty"));

  function memoryCharts() {
    const level = (label, key) => [label, (session) => session.series[key]];
    const levels = [level("reserved", "reserved_mb"), level("committed", "committed_mb"), level("live", "live_mb")];
    const own = [level("reserved", "own_reserved_mb"), level("committed", "own_committed_mb"), level("live", "live_mb")];
    return grid(emptyLast([
      ...(single ? [overTime("Memory of the game", "MB", levels), overTime("Memory of the plugin's allocator", "MB", own)]
        : levels.map((one) => overTime(`Memory, ${one[0]}`, "MB", [one]))),
      overTime("Largest hole in the address space", "MB", [level("largest hole", "largest_hole_mb")],
        { note: "What the game can still get in one piece. Below 64 MB it is about to fail." }),
      overTime("Kernel calls", "", single ? [level("saved", "saved_kernel_calls"), level("made", "kernel_calls")]
        : [level("saved", "saved_kernel_calls")], { note: "Since the start." }),
      overTime("Allocations", "/s", single ? [level("allocations", "allocations_per_s"), level("frees", "frees_per_s")]
        : [level("allocations", "allocations_per_s")]),
      overTime("Frames", "/s", [level("frames", "frames_per_s")]),
      overTime("Share of the frame spent on memory", "%", [level("memory work", "memory_share_percent")]),
      histogram(),
    ]));
  }

  function functionsOf(list) {
    return element("span", {}, ...list.flatMap((site, i) => [i ? element("br") : null, element("code", {}, site.address), " ",
      site.state === "replaced" ? site.name : element("span", {}, site.name, " ", state(site.state))]));
  }

  const activityColumns = [["allocations", "number"], ["releases", "number"], ["page requests", "number"], ["calls/s", "number"]];
  const activityCells = (entry) => entry.counted
    ? [number(entry.totals.allocations), number(entry.totals.releases), number(entry.totals.page_requests), number(entry.totals.per_second)]
    : [missing, missing, missing, missing];

  function patternState(pattern) {
    if (pattern.functions.length === 0) return state("not asked for");
    return pattern.replaced === pattern.functions.length ? state("replaced") : state(pattern.functions.find((f) => f.state !== "replaced").state);
  }

  function patternTable(session) {
    return element("div", { class: "card" }, table("Patterns",
      [["pattern", "number"], ["what", ""], ["state", ""], ...activityColumns, ["functions", "wide"]],
      session.patterns.map((p) => [String(p.number), p.name, patternState(p), ...activityCells(p), functionsOf(p.functions)])));
  }

  function doorTable(session) {
    if (session.doors.length === 0) return element("p", { class: "soft" }, "This mode has none.");
    return element("div", { class: "card" }, table("Front doors",
      [["group", ""], ["state", ""], ...activityColumns, ["functions", "wide"]],
      session.doors.map((d) => [d.name, state(d.state), ...activityCells(d), functionsOf(d.functions)])));
  }

  const card = (title, content) => element("section", { class: "card" }, element("h3", {}, title), content);

  function facts(session) {
    const rows = Object.entries(session.info).map(([key, value]) => [key, value]);
    rows.push(["samples", String(session.samples)], ["orderly end", session.ended_in_order ? "yes" : "no"]);
    const kinds = { game: 0, extender: 1, plugin: 2, other: 3, system: 4 };
    const modules = [...session.modules].sort((a, b) => kinds[a.kind] - kinds[b.kind]);
    const parts = [card("Versions and settings", table("Versions and settings", [["", ""], ["", "wide"]], rows))];
    if (modules.length) {
      parts.push(card("Modules of the process", table("Modules", [["name", ""], ["kind", ""], ["version", ""], ["base", ""]],
        modules.map((m) => [m.name, m.kind, m.version || missing, element("code", {}, m.base)]))));
    }
    if (session.events.length) {
      parts.push(card("Events", table("Events", [["time", "number"], ["", ""], ["", "wide"]],
        session.events.map((e) => [duration(e.time_s), e.severity, e.text]))));
    }
    if (session.counters.length) {
      parts.push(card("All counters", table("Counters", [["counter", "wide"], ["group", ""], ["total", "number"]],
        session.counters.map((c) => [c.name, c.group, number(c.total)]))));
    }
    return element("div", { class: "columns" }, ...parts);
  }

  function build() {
    const head = document.getElementById("head"), main = document.getElementById("main");
    if (!single) head.append(element("h1", {}, "MemoryPoolNVSE: two sessions"));
    sessions.forEach((session, which) => head.append(...headOf(session, which).filter(Boolean)));
    if (data.comparison) main.append(heading("Side by side"), comparison());
    main.append(heading("Over the session"), memoryCharts());
    const patterns = activityCharts("patterns", (p) => `Pattern ${p.number}: ${p.name}`);
    if (patterns.length) main.append(heading("Calls per second by pattern"), grid(patterns, true));
    const doors = activityCharts("doors", (d) => d.name[0].toUpperCase() + d.name.slice(1));
    if (doors.length) main.append(heading("Calls per second by front door"), grid(doors, true));
    sessions.forEach((session, which) => {
      const of = single ? "" : ` of ${letters[which]}`;
      main.append(heading(`The ten patterns${of}`), patternTable(session));
      main.append(heading(`Front doors and builders${of}`), doorTable(session));
      main.append(heading(`Details${of}`), facts(session));
    });
    document.getElementById("foot").append(
      "Made by MemoryPoolNVSE from the session file. Times count from the session's start. Points of long sessions stand " +
      "for several samples: their peak, for the largest hole their lowest value. Drag in a chart to look closer, double-click to go back.");
  }

  build();
  charts.forEach((entry) => entry.build());
  let pending = 0;
  new ResizeObserver(() => {
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(() => charts.forEach((entry) => entry.resize()));
  }).observe(document.body);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach((entry) => entry.build()));
})();
