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
  // { name, unit, estimate, values, change, kind, beyond }: as mpnvse computes them; a value that is not there is null.
  const figures = source.getElementById("figures").textContent.trimEnd().split("\n").map(cells).map(([name, unit, ...rest]) => ({
    ...named(name), unit, values: sessions.map((_, i) => (rest[i] ? Number(rest[i]) : null)),
    change: rest[2], kind: rest[3], beyond: rest[4] === "beyond" }));

  // What ends in "(estimated)" is an estimate, and is shown so.
  function named(name) {
    const plainName = name.replace(/ \(estimated\)$/, "");
    return { name: plainName, estimate: plainName !== name };
  }

  // Texts of an event's kind; the last one, for what is said again when it changes.
  const textsOf = (session, kind) => session.events.filter((event) => event.kind === kind).map((event) => event.text);
  const lastOf = (session, kind) => textsOf(session, kind).at(-1);
  // Events whose kind begins with a word, for instance every "group ...": [the rest of the kind, the parts of the text].
  const partsOf = (session, word) => session.events.filter((event) => event.kind.startsWith(`${word} `))
    .map((event) => [event.kind.slice(word.length + 1), event.text.split("; ")]);
  const columnOf = (session, name) => session.columns.get(name) ?? session.columns.get(`${name} (estimated)`);

  // Loading screens as { from, to, text }; one that was on when the session stopped has no text.
  function loadingScreens(session) {
    const screens = [];
    let from = null;
    for (const { s, kind, text } of session.events) {
      if (kind !== "loading screen") continue;
      if (text === "began") {
        from = s;
      } else if (text.startsWith("ended; ")) {
        screens.push({ from: s - parseFloat(text.slice(7)) / 1000, to: s, text });
        from = null;
      }
    }
    if (from !== null) screens.push({ from, to: Math.max(from, lastSecond(session)), text: null });
    return screens;
  }

  const lastSecond = (session) => Math.max(session.times.at(-1) ?? 0, session.events.at(-1)?.s ?? 0);
  const isRefusal = (text) => text.startsWith("OUT OF MEMORY");
  const refusals = (session) => Math.max(session.columns.get("failed allocations")?.at(-1) ?? 0,
    textsOf(session, "warning").filter(isRefusal).length);

  // "ended", "running" when this page was made, or "lost": the session stops without an end.
  function fate(session) {
    if (lastOf(session, "end")) return "ended";
    const last = session.events.findLast((event) => event.kind !== "remark");
    return last?.kind === "page" && last.s >= (session.times.at(-1) ?? 0) ? "running" : "lost";
  }

  // What the culprit finder wrote, in its order: { s, kind, code, deed, where, stacks: [[what, [place, ...]], ...] }.
  function findingsOf(session) {
    const found = new Map();
    for (const { s, text } of session.events.filter((event) => event.kind === "finding")) {
      const whole = text.match(/^(\d+); (.*?); (.*?); (.*); (block 0x.*)$/), stack = text.match(/^(\d+) (.*?): (.*)$/);
      if (whole) found.set(whole[1], { s, kind: whole[2], code: whole[3], deed: whole[4], where: whole[5], stacks: [] });
      else if (stack) found.get(stack[1])?.stacks.push([stack[2], stack[3].split(", ")]);
    }
    return [...found.values()];
  }
  const moduleOf = (code) => code.replace(/^likely /, "").replace(/\+0x[0-9A-F]+( \[.*\])?$/, "");

  const inMegabytes = (name) => (session) => session.columns.get(name)?.map((value) => value / 1024);
  const asTotal = (name) => (session) => columnOf(session, name);

  // Growth per second over steps of so many rows.
  const perSecond = (names, step = 1) => (session) => {
    const columns = names.map((name) => columnOf(session, name)).filter(Boolean);
    if (columns.length === 0) return null;
    const sum = (row) => columns.reduce((total, column) => total + column[row], 0);
    return rowsOf(session, step).map((row, i, rows) =>
      (i === 0 ? null : (sum(row) - sum(rows[i - 1])) / (session.times[row] - session.times[rows[i - 1]])));
  };
  const rowsOf = (session, step) => [...session.times.keys()].filter((row) => row % step === 0);
  // Small charts of things that may happen once in a while have so many points.
  const coarse = (session) => Math.ceil(session.times.length / 240);

  // The histogram of frame times: { column, above, to } in ms, of the last one to Infinity.
  function frameColumns(session) {
    let above = 0;
    return [...session.columns].filter(([name]) => /^frames (to|above) /.test(name)).map(([name, column]) => {
      const to = name.startsWith("frames to ") ? parseFloat(name.slice(10)) : Infinity;
      const one = { name, column, above, to };
      above = to;
      return one;
    });
  }

  // Of the frames between two rows: the time that a share of them did not exceed, to the width of its column. Null
  // without a frame.
  const frameTime = (share) => (session) => {
    const columns = frameColumns(session), longest = session.columns.get("longest frame us");
    if (columns.length === 0) return null;
    return session.times.map((_, row) => {
      const counts = columns.map(({ column }) => (row === 0 ? 0 : column[row] - column[row - 1]));
      const rank = share * counts.reduce((sum, count) => sum + count, 0);
      if (rank === 0) return null;
      let before = 0;
      const at = counts.findIndex((count) => count > 0 && (before += count) >= rank - 1e-9);
      const { above, to } = columns[at], bound = Math.min(to, Math.max(above, longest[row] / 1000));
      return bound - (bound - above) * Math.max(0, before - rank) / counts[at];
    });
  };

  // --- small helpers -----------------------------------------------------------------------------------------------

  function element(name, attributes, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined) node.setAttribute(key, value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }

  const three = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });
  const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
  const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });
  const missing = "not measured";

  const known = (value) => value !== null && value !== undefined;
  // In tables, and with three digits elsewhere.
  const number = (value) => (!known(value) ? missing : (Math.abs(value) >= 100 ? whole : three).format(value));
  const short = (value) => (!known(value) ? missing : (Math.abs(value) >= 10000 ? compact : three).format(value));
  const withUnit = (text, unit) => (unit ? `${text} ${unit}` : text);

  function duration(seconds) {
    const total = Math.round(seconds);
    const hours = Math.floor(total / 3600), minutes = Math.floor((total % 3600) / 60), rest = total % 60;
    const two = (value) => String(value).padStart(2, "0");
    return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
  }

  // When the session began, on the clock of whoever looks at it.
  function startOf(session) {
    const [, day, time] = (lastOf(session, "start") || "").match(/^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC$/) || [];
    return day ? new Date(`${day}T${time}Z`) : null;
  }
  const localTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
  const startText = (session) => (startOf(session) ? localTime.format(startOf(session)) : lastOf(session, "start"));

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize);

  // --- tables ------------------------------------------------------------------------------------------------------

  // columns: [heading, "number" | "wide" | ""]; cells are texts or nodes.
  function table(caption, columns, rows) {
    const cell = (name, kind, content) => element(name, { class: kind || null }, content);
    const named = columns.some(([text]) => text), head = element("tr", {}, ...columns.map(([text, kind]) => {
      const node = cell("th", kind === "number" ? "number" : null, text);
      node.scope = "col";
      return node;
    }));
    const body = rows.map((row) => element("tr", {}, ...row.map((content, i) => cell("td", columns[i][1], content))));
    const node = element("table", { "aria-label": caption }, named ? element("thead", {}, head) : null, element("tbody", {}, ...body));
    return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, node);
  }

  function folded(title, content, open) {
    return element("details", { open: open ? "" : null }, element("summary", {}, title), content);
  }

  // A table whose rows can be searched.
  function filtered(caption, columns, rows) {
    const content = table(caption, columns, rows);
    const field = element("input", { type: "search", placeholder: "Filter", "aria-label": `Filter: ${caption}` });
    field.addEventListener("input", () => {
      for (const row of content.querySelectorAll("tbody tr")) row.hidden = !row.textContent.toLowerCase().includes(field.value.toLowerCase());
    });
    return element("div", {}, field, content);
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
      { ...common, size, space: rem() * 2, values: (_, values) => values.map((value) => (known(value) ? short(value) : "")) },
    ];
  }

  function range(lines, limits) {
    let low = 0, high = -Infinity;
    for (const value of [...lines.flatMap((line) => line.values), ...limits.map((limit) => limit.value)]) {
      if (!known(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    if (low > high) return [0, 1];
    const room = (high - low || Math.abs(high) || 1) * 0.06;
    return [low < 0 ? low - room : low, high + room];
  }

  // Behind the lines: where a loading screen was on, in a row of its own for each session.
  function drawBands(u, bands) {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.fillStyle = colour("--band");
    bands.forEach((screens, which) => screens.forEach(({ from, to }) => {
      const left = Math.max(bbox.left, u.valToPos(from, "x", true)), right = Math.min(bbox.left + bbox.width, u.valToPos(to, "x", true));
      const height = bbox.height / bands.length;
      if (right >= left) ctx.fillRect(left, bbox.top + which * height, Math.max(1, right - left), height);
    }));
    ctx.restore();
  }

  function drawLine(u, from, to, ink, dash) {
    const { ctx } = u;
    ctx.save();
    ctx.beginPath();
    ctx.strokeStyle = colour(ink);
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash(dash.map((length) => length * devicePixelRatio));
    const sharp = (place) => place.map((value) => Math.round(value) + 0.5);
    ctx.moveTo(...sharp(from));
    ctx.lineTo(...sharp(to));
    ctx.stroke();
    ctx.restore();
  }

  // Over the lines: levels that matter, with their names, and the moments of events.
  function drawMarks(u, limits, marks) {
    const { ctx, bbox } = u, right = bbox.left + bbox.width, bottom = bbox.top + bbox.height;
    for (const { value, label } of limits) {
      const y = u.valToPos(value, "y", true);
      if (y < bbox.top || y > bottom) continue;
      drawLine(u, [bbox.left, y], [right, y], "--bad", [6, 4]);
      ctx.save();
      ctx.fillStyle = colour("--bad");
      ctx.font = `${Math.round(rem() * 0.75 * devicePixelRatio)}px system-ui, sans-serif`;
      ctx.textAlign = "right";
      const above = y - bbox.top > 1.2 * rem() * devicePixelRatio;
      ctx.textBaseline = above ? "bottom" : "top";
      ctx.fillText(label, right - 4 * devicePixelRatio, y + (above ? -2 : 3) * devicePixelRatio);
      ctx.restore();
    }
    for (const { s, bad } of marks) {
      const x = u.valToPos(s, "x", true);
      if (x >= bbox.left && x <= right) drawLine(u, [x, bbox.top], [x, bottom], bad ? "--bad" : "--soft", [2, 4]);
    }
  }

  // spec: { title, note, unit, lines, x, xTitle, xText, bars, small, limits, bands, marks }. Null: not measured.
  function chart(spec) {
    const lines = spec.lines.filter((line) => line.values.some(known));
    if (lines.length === 0) return null;
    const { limits = [], bands = [], marks = [] } = spec;
    const card = element("section", { class: "card chart" }, element("h3", {}, spec.title));
    if (spec.note) card.append(element("p", { class: "soft small" }, spec.note));
    const outputs = lines.map(() => element("output", {}));
    const legend = element("ul", { class: "legend" }, ...lines.map((line, i) =>
      element("li", {}, swatch(line.ink, line.dash), line.label, outputs[i])));
    const plot = element("div", { class: "plot", role: "slider", tabindex: "0", "aria-valuemin": 0, "aria-valuemax": spec.x.length - 1,
      "aria-valuenow": 0, "aria-label": `${spec.title}: ${lines.map((line) => line.label).join(", ")}. Arrow keys move through it.` });
    const tip = element("div", { class: "tip", hidden: "" });
    card.append(legend, plot, dataTable(spec.title, spec.xTitle, spec.x.map(spec.xText), lines));

    const valueText = (value) => (known(value) ? withUnit(short(value), spec.unit) : missing);
    // Without a place that is pointed at: the last value, of bars the sum.
    const resting = (values) => (spec.bars ? values.reduce((sum, value) => sum + value, 0) : values.findLast(known));
    // As near as a row, or as one can point.
    const eventsAt = (u, index) => {
      const s = spec.x[index], near = Math.max((u.scales.x.max - u.scales.x.min) / 100, s - (spec.x[index - 1] ?? s));
      return marks.filter((mark) => Math.abs(mark.s - s) <= near).slice(0, 4);
    };
    const isPointedAt = () => plot.matches(":hover") || document.activeElement === plot;
    const tell = (u) => {
      const index = u?.cursor.idx;
      outputs.forEach((output, i) => { output.textContent = valueText(known(index) ? lines[i].values[index] : resting(lines[i].values)); });
      tip.hidden = !known(index) || !isPointedAt();
      if (tip.hidden) return;
      const title = (spec.tipText || spec.xText)(spec.x[index]);
      tip.replaceChildren(element("b", {}, title), ...lines.map((line) => element("div", {}, `${line.label} ${valueText(line.values[index])}`)),
        ...eventsAt(u, index).map((mark) => element("div", { class: "soft" }, mark.text)));
      plot.setAttribute("aria-valuenow", index);
      plot.setAttribute("aria-valuetext", [...tip.children].map((child) => child.textContent).join("; "));
      const over = u.over.getBoundingClientRect(), home = plot.getBoundingClientRect();
      const left = over.left - home.left + u.valToPos(spec.x[index], "x") + 10;
      tip.style.left = `${Math.max(0, left + tip.offsetWidth > home.width ? left - tip.offsetWidth - 20 : left)}px`;
    };
    tell(null);

    const height = () => Math.round(rem() * (spec.small ? 7.5 : 13));
    const entry = { title: spec.title, drawn: false, plot: null, root: plot, spec };
    const build = () => {
      if (entry.plot) entry.plot.destroy();
      entry.plot = new uPlot({
        width: Math.max(120, plot.clientWidth), height: height(),
        padding: [rem() * 0.5, rem() * 1.4, 0, 0],
        legend: { show: false },
        cursor: { drag: { x: !spec.bars, y: false }, points: { size: 6 }, sync: spec.bars ? undefined : { key: spec.sync || "time" } },
        scales: { x: { time: false, range: spec.bars ? (_, low, high) => [low - 0.6, high + 0.6] : undefined },
                  y: { range: () => range(lines, limits) } },
        axes: axes(spec),
        series: [{}, ...lines.map((line) => ({
          label: line.label, stroke: () => colour(line.ink), width: 2 / devicePixelRatio * Math.max(1, devicePixelRatio),
          dash: spec.bars ? [] : line.dash, spanGaps: false,
          fill: spec.bars ? () => colour(line.ink) + (line.dash.length ? "55" : "aa") : undefined,
          paths: spec.bars ? uPlot.paths.bars({ size: [0.7 / lines.length, 80], align: line.align || 0, gap: 2 }) : undefined,
          points: { show: spec.x.length < 3 && !spec.bars },
        }))],
        hooks: {
          drawClear: [(u) => drawBands(u, bands)],
          draw: [(u) => { drawMarks(u, limits, marks); entry.drawn = true; plot.dataset.drawn = "true"; }],
          setCursor: [tell],
        },
      }, [spec.x, ...lines.map((line) => line.values)], plot);
      plot.append(tip);
    };
    const moveTo = (index) => {
      const at = Math.min(Math.max(index, 0), spec.x.length - 1);
      entry.plot.setCursor({ left: entry.plot.valToPos(spec.x[at], "x"), top: entry.plot.over.clientHeight / 2 });
    };
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };
    plot.addEventListener("keydown", (event) => {
      if (event.key === "Escape") plot.blur();
      if (!(event.key in steps)) return;
      event.preventDefault();
      if (!entry.plot) build();
      const now = entry.plot.cursor.idx;
      moveTo(known(now) ? now + steps[event.key] : event.key === "Home" ? 0 : spec.x.length - 1);
    });
    plot.addEventListener("blur", () => entry.plot?.setCursor({ left: -10, top: -10 }));
    entry.build = build;
    entry.resize = () => {
      const width = Math.max(120, plot.clientWidth);
      if (entry.plot && width !== entry.plot.width) entry.plot.setSize({ width, height: height() });
    };
    charts.push(entry);
    return card;
  }

  // What charts over time share. One session: its own time; two: the union of both, so that both share an axis.
  function timeline(list, timesOf, sync) {
    const axis = list.length === 1 ? timesOf(list[0]) : [...new Set(list.flatMap(timesOf))].sort((a, b) => a - b);
    return { list, axis, timesOf, sync, bands: list.map(loadingScreens), marks: list.flatMap(marksOf) };
  }

  // Moments worth a line: what happened while the session went on.
  function marksOf(session, which, list) {
    const silent = /^(loading screen|end|page|file|frame cap|remark|(group|function|module|setting) .*)$/;
    return session.events.filter((event) => !session.facts.includes(event) && !silent.test(event.kind)).map(({ s, kind, text }) =>
      ({ s, bad: kind === "warning", text: `${list.length > 1 ? `${letters[which]}: ` : ""}${kind}: ${text}` }));
  }

  const time = timeline(sessions, (session) => session.times, "time");
  const activityTime = timeline(sessions, (session) => rowsOf(session, coarse(session)).map((row) => session.times[row]), "time");

  // Values of a session on the common axis: where it has no point of its own its last value holds. Null: not measured.
  function onTimeline(line, session, values) {
    if (!values) return line.axis.map(() => null);
    if (line.list.length === 1) return values;
    const own = line.timesOf(session);
    const at = new Map(own.map((x, i) => [x, values[i]]));
    const last = own[own.length - 1];
    let held = null;
    return line.axis.map((x) => {
      if (at.has(x)) held = at.get(x);
      return x <= last ? held : null;
    });
  }

  // The session's time, and that of the clock when there is one session.
  function momentText(s) {
    const start = single ? startOf(sessions[0]) : null;
    return start ? `${duration(s)} (${clock.format(new Date(start.getTime() + 1000 * s))})` : duration(s);
  }

  // series: [[label, (session) => values]]
  function overTime(title, unit, series, more = {}, line = time) {
    const lines = [], alone = line.list.length === 1;
    series.forEach(([label, values], index) => line.list.forEach((session, which) => {
      const look = alone ? index : which + (series.length > 1 ? 2 * index : 0);
      lines.push({ label: alone ? label : `${letters[which]}: ${label}`, values: onTimeline(line, session, values(session)),
        ink: inks[look % inks.length], dash: dashes[look % dashes.length] });
    }));
    return chart({ title, unit, lines, x: line.axis, xTitle: "time", xText: duration, tipText: momentText,
      bands: line.bands, marks: line.marks, sync: line.sync, ...more });
  }

  // Bars by name. valuesOf: (session, name) => number
  function histogram(title, note, label, names, axisText, valuesOf, more = {}) {
    const lines = sessions.map((session, which) => ({
      label: single ? label : `${letters[which]}: ${label}`, values: names.map((name) => valuesOf(session, name)),
      ink: inks[which], dash: dashes[which], align: single ? 0 : which === 0 ? -1 : 1,
    })).filter((line) => line.values.some((value) => value > 0));
    return chart({ title, note, lines, x: names.map((_, i) => i), xText: (i) => names[i] || "",
      xAxis: (i) => (Number.isInteger(i) && names[i] ? axisText(names[i]) : ""), bars: true, ...more });
  }

  const columnNames = (pattern) => [...new Set(sessions.flatMap((session) => [...session.columns.keys()]))].filter((name) => pattern.test(name));

  function sizes() {
    return histogram("Sizes of allocations", "How many blocks of which size were asked for.", "allocations",
      columnNames(/^(to|above) \d+ [KM]?B$/), (name) => name.replace("to ", "\u2264 ").replace("above ", "> "),
      (session, name) => session.columns.get(name)?.at(-1) ?? 0, { xTitle: "size" });
  }

  // In percent, so that sessions of different length can be compared; without what no session has at either end.
  function frameTimes() {
    const share = (session, name) => {
      const all = session.columns.get("frames")?.at(-1);
      return all > 0 ? 100 * (session.columns.get(name)?.at(-1) ?? 0) / all : 0;
    };
    const names = columnNames(/^frames (to|above) /), isUsed = (name) => sessions.some((session) => share(session, name) > 0);
    const used = names.slice(Math.max(0, names.findIndex(isUsed) - 1), names.findLastIndex(isUsed) + 2);
    return histogram("How long frames took", "Share of all frames, loading screens apart.", "frames", used,
      (name) => name.replace("frames to ", "\u2264 ").replace("frames above ", "> ").replace(" ms", ""), share,
      { xTitle: "frames", unit: "%" });
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

  // Of any session, by name.
  const allActivities = () => [...new Map([...sessions].reverse().flatMap(activities).map((one) => [one.name, one])).values()]
    .sort((a, b) => a.pattern - b.pattern);
  const countOf = (session, activity, kind) => session.columns.get(activity?.columns[kind])?.at(-1) ?? 0;
  const isCalled = (activity, list = sessions) => list.some((session) => kinds.some((kind) => countOf(session, activity, kind) > 0));
  const titled = (activity) => activity.name[0].toUpperCase() + activity.name.slice(1);

  // What was called has a chart, the rest a line.
  function activitySection(title, belongs, nameOf) {
    const list = allActivities().filter(belongs), silent = list.filter((one) => !isCalled(one));
    if (list.length === 0) return [];
    const drawn = list.filter((one) => isCalled(one)).map((activity) => {
      const used = kinds.filter((kind) => sessions.some((session) => countOf(session, activity, kind) > 0))
        .map((kind) => [kind, (session) => perSecond([activity.columns[kind]], coarse(session))(session)]);
      return overTime(nameOf(activity), "/s", single ? used : used.slice(0, 1), { small: true }, activityTime);
    });
    return [heading(title), grid(drawn, true),
      silent.length ? element("p", { class: "soft never" }, `Never called: ${silent.map(nameOf).join("; ")}.`) : null];
  }

  // --- sections ----------------------------------------------------------------------------------------------------

  const badgeOf = (look, sign, text) => element("p", { class: `badge ${look}` }, element("span", { "aria-hidden": "true" }, sign), text);

  // The plugin's own words; the page only gives them a colour. Without a row nothing was seen of the session; what was
  // switched off on purpose is no fault.
  function verdictBadge(session) {
    const verdict = lastOf(session, "verdict");
    if (!verdict) return null;
    if (session.times.length === 0) return badgeOf("unknown", "?", `Nothing was measured in this session. At its start: ${verdict}`);
    if (lastOf(session, "mode") === "off") return badgeOf("unknown", "\u2013", verdict);
    return verdict.includes(": all is well") ? badgeOf("good", "\u2713", verdict) : badgeOf("bad", "\u25B2", verdict);
  }

  function fateBadge(session) {
    const at = duration(lastSecond(session)), refused = refusals(session);
    const told = refused ? `; ${number(refused)} ${refused === 1 ? "request" : "requests"} for memory refused` : "";
    if (fate(session) === "running") return badgeOf(refused ? "bad" : "unknown", "\u25B6", `still running at ${at}, when this page was made${told}`);
    if (fate(session) === "lost") return badgeOf(refused ? "bad" : "watch", "\u25A0", `ended without an end at ${at}${told}`);
    return refused ? badgeOf("bad", "\u25B2", told.slice(2)) : null;
  }

  function tile(value, label, title) {
    return element("div", { class: "tile", title }, element("b", {}, value), element("span", {}, label));
  }

  // Figures by what they are about, and what is about nothing else.
  const subjects = [["The session", /^(duration|functions|front doors)/], ["Frames and loading", /^(frame|\d.* low|longest frame|hitches|loading)/],
    ["Memory", /^(committed|reserved|largest hole|live)/], ["Work", /./]];

  function tiles(session) {
    let rest = figures.filter((one) => known(one.values[0]));
    return subjects.map(([title, pattern]) => {
      const own = rest.filter((one) => pattern.test(one.name));
      rest = rest.filter((one) => !own.includes(one));
      const shown = own.map(({ name, unit, estimate, values: [value] }) => tile((estimate ? "\u2248 " : "") + (name === "duration" ? duration(value)
        : withUnit(short(value), { "1/s": "", "1/min": "/min" }[unit] ?? unit)), name, estimate ? "an estimate" : null));
      if (title === "The session") shown.unshift(tile(lastOf(session, "mode") || missing, "mode"));
      return shown.length === 0 ? null : element("section", { class: "subject" }, element("h3", {}, title), evenly(element("div", { class: "tiles" }, ...shown)));
    });
  }

  // Each once; of refused requests the last one.
  function warningsOf(session) {
    const all = [...new Set([...textsOf(session, "warning"), ...textsOf(session, "remark")])], refused = all.filter(isRefusal);
    const last = (text) => (refused.length > 1 ? `${text} (the last of ${refused.length}; all stand under Events)` : text);
    return all.filter((text) => !isRefusal(text) || text === refused.at(-1)).map((text) => (isRefusal(text) ? last(text) : text));
  }

  function headOf(session, which) {
    const version = lastOf(session, "plugin version"), label = lastOf(session, "file"), warnings = warningsOf(session);
    const title = element("div", { class: "title" },
      element(single ? "h1" : "h2", {}, single ? `MemoryPoolNVSE${version ? " " + version : ""}` : `${letters[which]}: ${label}`),
      element("span", { class: "soft small" }, [startText(session), single ? label : null].filter(Boolean).join(" · ")));
    const list = warnings.length === 0 ? null
      : element("ul", { class: "warnings", "aria-label": "Warnings" }, ...warnings.map((text) => element("li", {}, text)));
    const cap = lastOf(session, "frame cap");
    return [title, element("div", { class: "badges" }, ...[verdictBadge(session), fateBadge(session)].filter(Boolean)), list,
      cap ? element("p", { class: "cap" }, `Frames: ${cap}.`) : null, ...(single ? tiles(session) : [])];
  }

  // Children in rows of equal length; the last one is as wide as what is left.
  const even = [];
  function evenly(container) {
    even.push(container);
    return container;
  }
  function arrange(container) {
    const children = [...container.children], style = getComputedStyle(container), gap = parseFloat(style.columnGap) || 0;
    const least = parseFloat(style.getPropertyValue("--least")) * rem();
    const most = Math.max(1, Math.floor((container.clientWidth + gap) / (least + gap)));
    const columns = Math.ceil(children.length / Math.ceil(children.length / most));
    container.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
    children.forEach((child) => { child.style.gridColumn = ""; });
    children.at(-1)?.style.setProperty("grid-column", `span ${1 + (columns - children.length % columns) % columns}`);
  }

  const heading = (text) => element("h2", {}, text);
  const grid = (list, small) => evenly(element("div", { class: small ? "charts small-ones" : "charts" }, ...list.filter(Boolean)));

  function change(one) {
    const sign = { better: "\u2713 ", worse: "\u25B2 " }[one.kind];
    if (!one.values.every(known)) return "";
    return one.beyond && sign ? element("span", { class: `change ${one.kind}` }, sign + one.change) : element("span", { class: "change" }, one.change);
  }

  function comparison() {
    const rows = figures.filter((one) => one.values.some(known)).map((one) => [one.name + (one.unit ? ` (${one.unit})` : ""),
      ...one.values.map((value) => (one.estimate && known(value) ? "\u2248 " : "") + number(value)), change(one)]);
    const neither = figures.filter((one) => !one.values.some(known)).map((one) => one.name);
    return element("div", { class: "card" },
      table("Both sessions", [["", ""], ["A", "number"], ["B", "number"], ["B against A", "wide"]], rows),
      element("p", { class: "soft small" }, "In colour: more than the spread within the sessions, that is, the middle halves of the values of each " +
        "session's minutes lie apart." + (neither.length ? ` Not measured in either: ${neither.join(", ")}.` : "")));
  }

  const fourGigabytes = [{ value: 4096, label: "4 GB" }];
  const scarceHole = [{ value: 64, label: "64 MB" }];
  const level = (label, column) => [label, inMegabytes(column)];
  const holes = [level("largest", "largest hole KB"), level("second", "second hole KB")];

  // What was measured has a chart, the rest a line.
  function chartsOf(builders) {
    const built = builders.map(([title, build]) => [title, build(title)]), nothing = built.filter(([, node]) => !node).map(([title]) => title);
    return [grid(built.map(([, node]) => node)),
      nothing.length ? element("p", { class: "soft never" }, `Not measured in this session: ${nothing.join("; ")}.`) : null];
  }

  function memoryCharts() {
    const levels = [level("reserved", "reserved KB"), level("committed", "committed KB"), level("live", "live KB")];
    const own = [level("reserved", "own reserved KB"), level("committed", "own committed KB"), level("live", "live KB")];
    const one = (list) => (single ? list : list.slice(0, 1));
    return chartsOf([
      ...(single ? [["Memory of the game", (title) => overTime(title, "MB", levels, { limits: fourGigabytes })],
        ["Memory of the plugin's allocator", (title) => overTime(title, "MB", own, { note: "Live: the game's blocks, without what is kept ready for the next ones." })]]
        : levels.map((one, i) => [`Memory, ${one[0]}`, (title) => overTime(title, "MB", [one], i < 2 ? { limits: fourGigabytes } : {})])),
      ["Holes in the address space", (title) => overTime(title, "MB", one(holes),
        { limits: scarceHole, note: "What the game can still get in one piece. Below 64 MB it is about to fail." })],
      ["Frame times", (title) => overTime(title, "ms", one([["longest", frameTime(1)], ["median", frameTime(0.5)]]),
        { note: `${single ? "" : "The longest in each step. "}Estimated from the histogram; loading screens apart.` })],
      ["How long frames took", frameTimes],
      ["Frames", (title) => overTime(title, "/s", [["frames", perSecond(["frames"])]])],
      ["Allocations", (title) => overTime(title, "/s", one([["allocations", perSecond(["allocations"])], ["frees", perSecond(["frees"])]]))],
      ["Kernel calls", (title) => overTime(title, "", one([["saved", asTotal("kernel calls saved")], ["made", asTotal("kernel calls")]]),
        { note: `Since the start.${sessions.some((session) => session.columns.has("kernel calls saved (estimated)")) ? " Those saved are estimated." : ""}` })],
      ["Sizes of allocations", sizes],
    ]);
  }

  // The end of a session that has none, row by row.
  function lastMinute(session) {
    const end = lastSecond(session), first = Math.max(0, session.times.findIndex((s) => s >= end - 60));
    const cut = { facts: session.facts, events: session.events.filter((event) => event.s >= session.times[first]), times: session.times.slice(first),
      columns: new Map([...session.columns].map(([name, values]) => [name, values.slice(first)])) };
    // Loading screens that began earlier are drawn, too.
    const line = { ...timeline([cut], (one) => one.times, "last"), bands: [loadingScreens(session)] };
    const small = (limits) => ({ small: true, limits });
    const drawn = [
      overTime("Memory, last minute", "MB", [level("reserved", "reserved KB"), level("committed", "committed KB"), level("live", "live KB")], small(fourGigabytes), line),
      overTime("Holes, last minute", "MB", holes, small(scarceHole), line),
      overTime("Frame times, last minute", "ms", [["longest", frameTime(1)], ["median", frameTime(0.5)]], small(), line),
      overTime("Allocations, last minute", "/s", [["allocations", perSecond(["allocations"])], ["frees", perSecond(["frees"])]], small(), line),
      overTime("Refused requests, last minute", "", [["refused", asTotal("failed allocations")]], small(), line),
    ];
    return [heading("The last minute"), element("div", { class: "card last" }, table("What was last seen", [["", ""], ["", "wide"]], lastSeen(session, cut))), grid(drawn, true)];
  }

  function lastSeen(session, cut) {
    const last = (values) => (values ? values.findLast(known) : null);
    const at = (name) => last(inMegabytes(name)(cut));
    const rate = (name) => { const values = perSecond([name])(cut); return values ? withUnit(short(last(values)), "/s") : missing; };
    const screen = loadingScreens(session).at(-1), told = (kind) => session.events.filter((event) => event.kind === kind && !session.facts.includes(event));
    const megabytes = (value) => (known(value) ? withUnit(short(value), "MB") : missing);
    const refused = told("warning").filter((event) => isRefusal(event.text));
    return [["last row", session.times.length ? momentText(session.times.at(-1)) : "none"],
      ["committed", megabytes(at("committed KB"))],
      ["holes", `largest ${megabytes(at("largest hole KB"))}, second ${megabytes(at("second hole KB"))}`],
      ["loading screen", !session.columns.has("loading ms") ? missing : screen && !screen.text ? `on since ${duration(screen.from)}` : screen ? `off since ${duration(screen.to)}` : "none so far"],
      ["frames", `longest in the last row ${known(last(frameTime(1)(cut))) ? withUnit(short(last(frameTime(1)(cut))), "ms") : missing}`],
      ["allocations", `${rate("allocations")}, frees ${rate("frees")}`],
      ["refused requests", refusals(session) ? `${number(refusals(session))}${refused.length ? `; ${duration(refused.at(-1).s)}: ${refused.at(-1).text}` : ""}` : session.columns.has("failed allocations") ? "none" : missing],
      ["last commands", told("command").slice(-3).map((event) => `${duration(event.s)} ${event.text}`).join("; ") || "none"]];
  }

  function loadingTable(session) {
    const part = (text, name) => {
      const [, before, after] = text?.match(new RegExp(`${name} (\\d+) KB before, (\\d+) KB after`)) || [];
      return before ? `${short(before / 1024)} \u2192 ${short(after / 1024)} MB` : missing;
    };
    const screens = loadingScreens(session);
    if (screens.length === 0) return null;
    const rows = screens.map(({ from, to, text }) => [duration(from), text ? withUnit(short(to - from), "s") : "still on", part(text, "committed"), part(text, "largest hole")]);
    return folded(`${screens.length} loading ${screens.length === 1 ? "screen" : "screens"}`,
      table("Loading screens", [["at", "number"], ["took", "number"], ["committed", "number"], ["largest hole", "number"]], rows), rows.length <= 12);
  }

  // Everything that the charts are drawn from, as it was at each row; events between them.
  function allValues(session) {
    const quoted = (text) => `"${text.replaceAll('"', '""')}"`, names = [...session.columns.keys()].filter((name) => name !== "ms");
    const rows = session.times.map((s, row) => [s, ["", ...names.map((name) => session.columns.get(name)[row])]]);
    const events = session.events.map(({ s, kind, text }) => [s, [quoted(`${kind}: ${text}`)]]);
    const lines = [...rows, ...events].sort(([a], [b]) => a - b).map(([s, values]) => [s, ...values].join(","));
    return [["s", "event", ...names].join(","), ...lines].join("\n") + "\n";
  }

  function downloadButton(session, which) {
    const button = element("button", { type: "button", class: "download" }, `All values${single ? "" : ` of ${letters[which]}`} (CSV)`);
    button.addEventListener("click", () => {
      const url = URL.createObjectURL(new Blob([allValues(session)], { type: "text/csv" }));
      element("a", { href: url, download: (lastOf(session, "file") || "session.csv").replace(/(\.csv)?$/, ".values.csv") }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10000);
    });
    return button;
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
    const cell = (value) => (known(value) ? number(value) : "\u2013");
    return activity ? [...totals.map(cell), cell(all / (session.times.at(-1) || 1))] : ["\u2013", "\u2013", "\u2013", "\u2013"];
  }

  // What was replaced and never called stands below, folded into one line.
  function activityTable(session, caption, columns, rows) {
    const quiet = rows.filter((row) => row.state === "replaced" && !isCalled(row.activity, [session]));
    const rest = rows.filter((row) => !quiet.includes(row)), cellsOf = (list) => list.map((row) => row.cells);
    return element("div", { class: "card" }, rest.length ? table(caption, columns, cellsOf(rest)) : null,
      quiet.length ? folded(`Never called in this session: ${quiet.map((row) => row.title).join(", ")}`, table(`${caption}, never called`, columns, cellsOf(quiet))) : null);
  }

  // A function without a pattern of its own is shown with the last pattern of its group.
  function patternTable(session) {
    const all = functionsOf(session);
    const shownUnder = (one) => one.pattern || Math.max(...all.filter((other) => other.group === one.group).map((other) => other.pattern));
    const rows = [...new Set(all.map(shownUnder).filter(Boolean))].sort((a, b) => a - b).map((pattern) => {
      const list = all.filter((one) => shownUnder(one) === pattern);
      const activity = activities(session).find((one) => one.pattern === pattern);
      const odd = list.find((one) => one.state !== "replaced") || list[0];
      return { title: `${pattern} ${list[0].group}`, activity, state: odd.state,
        cells: [String(pattern), list[0].group, state(odd.state), ...activityCells(session, activity), functionList(list)] };
    });
    return activityTable(session, "Patterns", [["pattern", "number"], ["what", ""], ["state", ""], ...activityColumns, ["functions", "wide"]], rows);
  }

  function doorTable(session) {
    const all = functionsOf(session);
    const outcomes = new Map(partsOf(session, "group").map(([name, [first]]) => [name, first]));
    const groups = [...new Set(all.map((one) => one.group))].filter((group) => !all.some((one) => one.group === group && one.pattern));
    const rows = groups.map((group) => {
      const list = all.filter((one) => one.group === group);
      const activity = activities(session).find((one) => one.pattern === 0 && one.group === group);
      const outcome = outcomes.get(group) || "not asked for";
      return { title: group, activity, state: outcome, cells: [group, state(outcome), ...activityCells(session, activity), functionList(list)] };
    });
    return activityTable(session, "Front doors", [["group", ""], ["state", ""], ...activityColumns, ["functions", "wide"]], rows);
  }

  const card = (title, content) => element("section", { class: "card" }, element("h3", {}, title), content);

  // The culprit finder's part, by module; nothing without a finding.
  function findings(session) {
    const one = (finding) => folded(`${duration(finding.s)}: ${finding.kind}: ${finding.code} ${finding.deed}`,
      element("div", {}, element("p", { class: "soft small" }, finding.where), element("div", { class: "stacks" }, ...finding.stacks.map(([what, places]) =>
        element("div", {}, element("h4", {}, what), element("ol", {}, ...places.map((place) => element("li",
          place.startsWith("likely ") ? { class: "soft" } : {}, element("code", {}, place)))))))), true);
    return [...Map.groupBy(findingsOf(session), (finding) => moduleOf(finding.code))].map(([module, list]) =>
      card(`${module}: ${list.length} ${list.length === 1 ? "finding" : "findings"}`, element("div", {}, ...list.map(one))));
  }

  function facts(session) {
    const inTables = (event) => /^((group|function|module) |(file|finding|frame cap|remark)$)/.test(event.kind);
    const rows = session.facts.filter((event) => !inTables(event)).map((event) => [event.kind, event.text]);
    const order = ["game", "extender", "plugin", "other", "system"];
    const modules = partsOf(session, "module").sort(([, [a]], [, [b]]) => order.indexOf(a) - order.indexOf(b));
    const later = session.events.slice(session.facts.length).filter((event) => !inTables(event));
    const counters = [...session.columns].filter(([name]) => name !== "ms" && !/ KB$|^(frames )?(to|above) /.test(name));
    const parts = [card("Versions and settings", table("Versions and settings", [["", ""], ["", "wide"]], rows)),
      card("Groups", table("Groups", [["group", ""], ["state", ""], ["", "wide"]],
        partsOf(session, "group").map(([name, [first, ...rest]]) => [name, state(first), rest.join("; ")])))];
    if (modules.length) {
      parts.push(card("Modules of the process", folded(`${modules.length} modules`, filtered("Modules", [["name", ""], ["kind", ""], ["version", ""], ["base", ""]],
        modules.map(([name, [kind, version, base]]) => [name, kind, version, element("code", {}, base)])))));
    }
    if (later.length) {
      parts.push(card("Events", table("Events", [["time", "number"], ["", ""], ["", "wide"]],
        later.map((event) => [duration(event.s), event.kind, event.text]))));
    }
    parts.push(card("All counters", table("Counters", [["counter", "wide"], ["total", "number"]],
      counters.map(([name, values]) => [named(name).name, (named(name).estimate ? "\u2248 " : "") + number(values.at(-1))]))));
    return element("div", { class: "columns" }, ...parts);
  }

  function build() {
    const head = document.getElementById("head"), main = document.getElementById("main");
    const add = (...nodes) => main.append(...nodes.filter(Boolean));
    document.title = `MemoryPoolNVSE: ${sessions.map((session) => startText(session) || lastOf(session, "file")).join(" and ")}`;
    if (!single) head.append(element("h1", {}, "MemoryPoolNVSE: two sessions"));
    sessions.forEach((session, which) => head.append(...headOf(session, which).filter(Boolean)));
    if (!single) add(heading("Side by side"), comparison());
    sessions.forEach((session, which) => {
      const found = findings(session);
      if (found.length) add(heading(`What the culprit finder found${single ? "" : ` in ${letters[which]}`}`), element("div", { class: "found" }, ...found));
    });
    if (single && fate(sessions[0]) === "lost" && sessions[0].times.length) add(...lastMinute(sessions[0]));
    add(element("div", { class: "title" }, heading("Over the session"), ...sessions.map(downloadButton)), ...memoryCharts());
    add(...activitySection("Calls per second by pattern", (activity) => activity.pattern > 0, patternName));
    add(...activitySection("Calls per second by front door", (activity) => activity.pattern === 0, titled));
    sessions.forEach((session, which) => {
      const of = single ? "" : ` of ${letters[which]}`, screens = loadingTable(session);
      if (screens) add(heading(`Loading screens${of}`), element("div", { class: "card" }, screens));
      add(heading(`The ten patterns${of}`), patternTable(session));
      add(heading(`Front doors and builders${of}`), doorTable(session));
      add(heading(`Details${of}`), facts(session));
    });
    document.getElementById("foot").append(
      "Made by MemoryPoolNVSE from the session file. Times count from the session's start, in brackets and above by your clock. Points of " +
      "long sessions stand for several rows: their peak, for holes their lowest value. Shaded: loading screens; dotted: events. Drag in a " +
      "chart to look closer, double-click to go back.");
  }

  build();
  even.forEach(arrange);
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
    pending = requestAnimationFrame(() => {
      even.forEach(arrange);
      charts.forEach((entry) => entry.resize());
    });
  });
  resizing.observe(document.body);
  // Paper is light, whatever the screen is, and shows every chart.
  const leaving = new AbortController(), isPaper = () => document.documentElement.classList.contains("paper");
  const recolour = () => charts.forEach((entry) => (entry.plot || isPaper()) && entry.build());
  const listen = (to, kind, act) => to.addEventListener(kind, () => { act?.(); recolour(); }, { signal: leaving.signal });
  const toPaper = (is) => document.documentElement.classList.toggle("paper", is);
  const print = matchMedia("print");
  listen(matchMedia("(prefers-color-scheme: dark)"), "change");
  listen(print, "change", () => toPaper(print.matches));
  listen(window, "beforeprint", () => toPaper(true));
  listen(window, "afterprint", () => toPaper(false));
  return () => {
    [sight, resizing].forEach((observer) => observer.disconnect());
    cancelAnimationFrame(pending);
    leaving.abort();
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
