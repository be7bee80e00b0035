// page_test.mjs NODE_MODULES CHROMIUM PAGES SCREENSHOTS: looks at the pages in headless Chromium, narrow to very wide,
// light and dark: no message on the console, no request, every chart drawn, nothing wider than the window.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";

import { launchBrowser } from "../support/browser.mjs";

const [nodeModules, executablePath, pages, screenshots] = process.argv.slice(2);

const windows = [
  { name: "360", width: 360, height: 740, deviceScaleFactor: 2 },
  { name: "1280", width: 1280, height: 800, deviceScaleFactor: 1 },
  { name: "4k", width: 3840, height: 2160, deviceScaleFactor: 1 },
];
const schemes = ["light", "dark"];

let browser;

/// Opens a page and gathers everything that must not happen.
async function open(file, view, colorScheme, more = {}) {
  const context = await browser.newContext({ viewport: { width: view.width, height: view.height },
    deviceScaleFactor: view.deviceScaleFactor, colorScheme, ...more });
  const page = await context.newPage();
  const url = pathToFileURL(path.join(pages, file)).href;
  const trouble = [];
  page.on("console", (message) => trouble.push(`console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => trouble.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (request.url() !== url && !request.url().startsWith("data:")) trouble.push(`request: ${request.url()}`);
  });
  await page.goto(url);
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  return { page, trouble, close: () => context.close() };
}

/// For each chart: its title, whether it was drawn, how many pixels carry ink and what its lines look like.
const inspectCharts = () => window.reportCharts.map((chart) => {
  const canvas = chart.root.querySelector("canvas");
  const pixels = canvas ? canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data : [];
  let ink = 0;
  for (let i = 3; i < pixels.length; i += 4) ink += pixels[i] !== 0 ? 1 : 0;
  const dashes = [...chart.root.parentElement.querySelectorAll(".legend line")].map((line) => line.getAttribute("stroke-dasharray"));
  return { title: chart.title, drawn: chart.drawn && chart.root.dataset.drawn === "true", ink, width: canvas ? canvas.clientWidth : 0, dashes };
});

const overflow = () => {
  const limit = document.documentElement.clientWidth;
  const tooWide = [...document.querySelectorAll("body *")]
    .filter((node) => node.getBoundingClientRect().right > limit + 0.5 && !node.closest(".scroll"))
    .map((node) => `${node.tagName}.${node.className}`);
  return { pageWidth: document.documentElement.scrollWidth, limit, tooWide: tooWide.slice(0, 5) };
};

/// Rows of tiles and charts that do not reach the right edge of their grid.
const ragged = () => [...document.querySelectorAll(".tiles, .charts")].filter((grid) => {
  const rows = Map.groupBy(grid.children, (child) => Math.round(child.getBoundingClientRect().top));
  return [...rows.values()].some((row) => Math.abs(row.at(-1).getBoundingClientRect().right - grid.getBoundingClientRect().right) > 1);
}).map((grid) => grid.textContent.slice(0, 60));

/// Contrast of the text colours against the backgrounds they stand on, as WCAG defines it.
const contrasts = () => {
  const style = getComputedStyle(document.documentElement);
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  const luminance = (name) => {
    canvas.fillStyle = style.getPropertyValue(name).trim();
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((value) => {
      const part = value / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  return ["--ink", "--soft", "--good", "--watch", "--bad", "--one", "--two", "--three", "--four"]
    .flatMap((front) => ["--card", "--back"].map((back) => ({ front, back, ratio: ratio(front, back) })));
};

before(async () => {
  assert.ok(fs.existsSync(executablePath), `${executablePath} is missing: run scripts/setup.sh test`);
  fs.mkdirSync(screenshots, { recursive: true });
  browser = await launchBrowser(nodeModules, executablePath);
});
after(async () => browser && browser.close());

/// The widest variety for the page that is seen most, one look at each of the others.
const looks = { "full.html": windows, "compare.html": windows, "crashed.html": windows, "long.html": windows.slice(1, 2) };
const read = (file) => fs.readFileSync(path.join(pages, file), "utf8");
const badges = (page, look) => page.locator(`.badge.${look}`).allTextContents();
const chartNamed = (page, title) => page.locator(".chart").filter({ has: page.getByRole("heading", { name: title, exact: true }) });

/// The colour of a chart's pixel at a value of each axis; null: nothing was painted there.
const pixelAt = ([title, x, y]) => {
  const { plot } = window.reportCharts.find((chart) => chart.title === title);
  const [r, g, b, a] = plot.ctx.getImageData(Math.round(plot.valToPos(x, "x", true)), Math.round(plot.valToPos(y, "y", true)), 1, 1).data;
  return a === 0 ? null : `${r} ${g} ${b}`;
};

for (const [file, views] of Object.entries(looks)) {
  describe(file, () => {
    for (const view of views) {
      for (const scheme of view === windows[1] ? schemes.slice(0, 1) : schemes) {
        test(`${view.name} ${scheme}`, async () => {
          const { page, trouble, close } = await open(file, view, scheme);
          const charts = await page.evaluate(inspectCharts);
          assert.ok(charts.length >= 7, `only ${charts.length} charts`);
          for (const chart of charts) {
            assert.ok(chart.drawn, `not drawn: ${chart.title}`);
            assert.ok(chart.ink > 500, `blank: ${chart.title}`);
            assert.ok(chart.width > 100, `no room: ${chart.title}`);
            assert.equal(new Set(chart.dashes).size, chart.dashes.length, `lines that only colour tells apart: ${chart.title}`);
          }
          const width = await page.evaluate(overflow);
          assert.ok(width.pageWidth <= width.limit, `${width.pageWidth} > ${width.limit}: ${width.tooWide}`);
          assert.deepEqual(width.tooWide, []);
          assert.deepEqual(await page.evaluate(ragged), [], "no tile stands alone");
          for (const { front, back, ratio } of await page.evaluate(contrasts)) {
            assert.ok(ratio >= 4.5, `${front} on ${back}: ${ratio.toFixed(2)}`);
          }
          await page.screenshot({ path: path.join(screenshots, `${path.basename(file, ".html")}-${view.name}-${scheme}.png`), fullPage: true });
          assert.deepEqual(trouble, []);
          await close();
        });
      }
    }
  });
}

test("the page says what the session holds", async () => {
  const { page, close } = await open("full.html", windows[1], "light");
  const text = await page.innerText("body");
  for (const expected of ["17 of 17", "heap blocks", "0x00AA8F50", "game heap", "Preload", "6.4.8", "full.csv"]) {
    assert.ok(text.includes(expected), `missing: ${expected}`);
  }
  await close();
});

test("the page adds the differences up", async () => {
  const { page, close } = await open("full.html", windows[1], "light");
  const [head, ...lines] = read("full.csv").trimEnd().split("\n");
  const at = head.split(",").indexOf("allocations");
  const rows = lines.filter((line) => !line.includes('"')).map((line) => line.split(","));
  const charts = await page.evaluate(() => window.reportCharts.map(({ title, plot }) => [title, plot.data]));
  for (const [title, data] of charts) {
    assert.deepEqual(new Set(data.map((values) => values.length)).size, 1, title);
  }
  const [x, allocations] = charts.find(([title]) => title === "Allocations")[1];
  assert.deepEqual(x, rows.map(([ms]) => ms / 1000));
  assert.deepEqual(allocations, rows.map((row, i) => (i === 0 ? null : Number(row[at]))), "one second lies between two rows");
  const [, saved] = charts.find(([title]) => title === "Kernel calls")[1];
  const savedAt = head.split(",").indexOf("kernel calls saved");
  assert.equal(saved.at(-1), rows.reduce((sum, row) => sum + Number(row[savedAt] || 0), 0));
  await close();
});

test("a long session is thinned out", async () => {
  const { page, close } = await open("long.html", windows[0], "light");
  const points = await page.evaluate(() => window.reportCharts.map((chart) => chart.plot.data[0].length));
  const events = read("long.csv").match(/,"loading screen: /g).length;
  assert.ok(Math.max(...points) <= 1570 + 2 * events && Math.max(...points) > 750, String(points));
  assert.ok(Math.min(...points.slice(10)) <= 240, String(points));
  await close();
});

test("the page compares as mpnvse does", async () => {
  const { page, close } = await open("compare.html", windows[1], "light");
  const rows = await page.locator('table[aria-label="Both sessions"] tbody tr').evaluateAll((nodes) =>
    nodes.map((node) => [...node.children].map((cell) => cell.textContent)));
  const figures = JSON.parse(read("compare.json")).figures.filter(({ first, second }) => first !== null || second !== null);
  assert.ok(figures.length > 15 && figures.some(({ first }) => first === null));
  assert.equal(rows.length, figures.length);
  figures.forEach(({ name, unit, first, second, change }, i) => {
    const plainName = name.replace(" (estimated)", "");
    assert.equal(rows[i][0], unit ? `${plainName} (${unit})` : plainName);
    [first, second].forEach((value, side) => {
      const shown = rows[i][side + 1];
      if (value === null) assert.equal(shown, "not measured", name);
      else assert.ok(Math.abs(Number(shown.replace("\u2248 ", "").replaceAll(",", "")) - value) <= Math.abs(value) / 190, `${name}: ${shown}, not ${value}`);
      assert.equal(shown.startsWith("\u2248"), value !== null && name.endsWith(" (estimated)"), name);
    });
    assert.equal(rows[i][3].replace(/^[\u2713\u25B2] /, ""), first === null || second === null ? "" : change, name);
  });
  await close();
});

test("only what exceeds the spread is in colour", async () => {
  const { page, close } = await open("compare.html", windows[1], "light");
  const better = await page.locator(".change.better").allTextContents();
  assert.ok(better.some((text) => text.startsWith("\u2713 better by")), String(better));
  assert.equal(better.filter((text) => /spread|too little/.test(text)).length, 0, String(better));
  const row = (name) => page.locator('table[aria-label="Both sessions"] tr').filter({ hasText: name });
  assert.equal(await row("frame, mean").locator(".better").count(), 1);
  assert.match(await row("largest hole, lowest").innerText(), /within the spread/);
  await close();
});

test("the page says the plugin's own verdict in its words", async () => {
  for (const name of ["full", "scrap", "off", "owned", "crashed", "empty"]) {
    const { page, close } = await open(`${name}.html`, windows[0], "light");
    const [, verdict] = read(`${name}.csv`).match(/"verdict: ([^"]*)"/);
    assert.ok((await page.innerText("header")).includes(verdict), `${name}: ${verdict}`);
    assert.equal((await badges(page, "good")).length, verdict.includes("all is well") && name !== "empty" ? 1 : 0, name);
    assert.equal(await page.locator(".warnings li").count(), name === "crashed" ? 5 : 0,
      `${name}: the declined group, refused requests, the torn line, scarce address space, no end`);
    if (name === "owned") assert.equal(await page.locator(".state", { hasText: "\u2013 left to its owner" }).count(), 3, "its function, door and group");
    await close();
  }
});

test("what was switched off on purpose is no fault", async () => {
  const { page, close } = await open("off.html", windows[0], "light");
  assert.equal((await badges(page, "bad")).length, 0);
  assert.equal(await page.locator(".state.no").count(), 0);
  assert.match((await badges(page, "unknown"))[0], /switched off by its settings/);
  await close();
});

test("a session without a row is not well", async () => {
  const { page, trouble, close } = await open("empty.html", windows[0], "light");
  assert.match((await badges(page, "unknown"))[0], /Nothing was measured in this session\./);
  assert.equal(await page.evaluate(() => window.reportCharts.length), 0);
  assert.deepEqual(trouble, []);
  await close();
});

test("a session without an end says when it ended, in red when requests were refused", async () => {
  for (const [name, look, text] of [["crashed", "bad", "ended without an end at 10:10; 5 requests for memory refused"],
    ["ended", "watch", "ended without an end at 1:40"], ["running", "unknown", "still running at 1:40, when this page was made"]]) {
    const { page, close } = await open(`${name}.html`, windows[0], "light");
    assert.ok((await badges(page, look)).some((badge) => badge.includes(text)), `${name}: ${await badges(page, look)}`);
    assert.equal(await page.getByRole("heading", { name: "The last minute" }).count(), name === "running" ? 0 : 1, name);
    await close();
  }
});

test("what the culprit finder found comes first, by module", async () => {
  const { page, trouble, close } = await open("found.html", windows[0], "light");
  assert.equal(await page.locator("main h2").first().innerText(), "What the culprit finder found");
  const cards = page.locator("main section.card", { has: page.locator(".stacks") });
  assert.deepEqual(await cards.locator("h3").allInnerTexts(), ["FalloutNV.exe: 1 finding", "other.dll: 2 findings"]);
  assert.deepEqual(await cards.locator("summary").allInnerTexts(), [
    "0:50: use after free: FalloutNV.exe+0x4A2B1C reads byte 4 of a freed block of 64 bytes",
    "1:00: written beside a block: other.dll+0x1A05 frees a block of 20 bytes beside which somebody has written; who is not known",
    "1:40: overrun: likely other.dll+0x1A97 writes 0 bytes behind the end of a block of 48 bytes"]);
  assert.deepEqual(await cards.nth(1).locator("h4").allInnerTexts(),
    ["free", "access", "allocated by the game's heap 12.345 s before, thread 720"]);
  assert.deepEqual(await cards.nth(1).locator("ol").nth(1).locator("li").allInnerTexts(), ["ntdll.dll+0x2F831", "likely other.dll+0x1A97"]);
  assert.equal(await page.locator('table[aria-label="Events"]', { hasText: "finding" }).count(), 0);
  assert.deepEqual((await page.evaluate(overflow)).tooWide, []);
  assert.deepEqual(trouble, []);
  await page.screenshot({ path: path.join(screenshots, "found.png") });
  await close();
  const without = await open("full.html", windows[0], "light");
  assert.equal(await without.page.getByRole("heading", { name: "What the culprit finder found" }).count(), 0);
  await without.close();
});

test("the last minute is enlarged, row by row", async () => {
  const { page, close } = await open("crashed.html", windows[1], "light");
  const charts = await page.evaluate(() => window.reportCharts.map(({ title, plot }) => [title, plot.data[0]]));
  const own = charts.filter(([title]) => title.endsWith(", last minute"));
  assert.deepEqual(own.map(([title]) => title.split(",")[0]), ["Memory", "Holes", "Frame times", "Allocations", "Refused requests"]);
  for (const [title, x] of own) assert.deepEqual(x, Array.from({ length: 61 }, (_, i) => 550 + i), title);
  const seen = await page.locator('table[aria-label="What was last seen"]').innerText();
  for (const expected of ["largest 20 MB, second 12 MB", "on since 10:00", "asked for 22369640 bytes", "thread 1234", "last commands"]) {
    assert.ok(seen.includes(expected), `${expected} in ${seen}`);
  }
  await close();
});

test("a place in a chart is told with its time, by mouse and by keys", async () => {
  const { page, trouble, close } = await open("full.html", windows[1], "light", { timezoneId: "America/New_York", locale: "en-US" });
  const plot = chartNamed(page, "Memory of the game").locator(".plot"), tip = plot.locator(".tip");
  assert.equal(await tip.isVisible(), false);
  await plot.locator(".u-over").hover();
  assert.match(await tip.innerText(), /^(9:5\d|10:0\d) \(3:\d\d:\d\d.PM\)\nreserved [\d,]+ MB\ncommitted /);
  await page.mouse.move(0, 0);
  await plot.focus();
  await page.keyboard.press("Home");
  assert.match(await tip.innerText(), /^0:00 /);
  assert.doesNotMatch(await tip.innerText(), /plugin version|mode: full/, "what is told at the head is no event");
  for (const key of ["ArrowRight", "ArrowRight", "PageDown", "ArrowLeft"]) await page.keyboard.press(key);
  assert.match(await tip.innerText(), /^0:11 /);
  assert.match(await plot.getAttribute("aria-valuetext"), /^0:11 .*; committed [\d,]+ MB/);
  assert.equal(await plot.getAttribute("aria-valuenow"), "11");
  await page.keyboard.press("End");
  assert.match(await tip.innerText(), /^20:00 /);
  await page.keyboard.press("Escape");
  assert.equal(await tip.isVisible(), false);
  assert.deepEqual(trouble, []);
  await close();
});

test("an event is told where it happened", async () => {
  const { page, close } = await open("crashed.html", windows[1], "light");
  const plot = chartNamed(page, "Holes, last minute").locator(".plot");
  await plot.focus();
  await page.keyboard.press("End");
  assert.match(await plot.locator(".tip").innerText(), /warning: OUT OF MEMORY: thread 1234/);
  await close();
});

test("loading screens are shaded, limits drawn", async () => {
  const { page, close } = await open("full.html", windows[1], "light");
  const title = "Memory of the game";
  assert.notEqual(await page.evaluate(pixelAt, [title, 306, 3200]), null, "in a loading screen");
  assert.equal(await page.evaluate(pixelAt, [title, 450, 3200]), null, "in play");
  const limit = async (name, value) => {
    const along = await Promise.all(Array.from({ length: 60 }, (_, i) => page.evaluate(pixelAt, [name, 100 + i, value])));
    return along.includes("176 38 30");  // --bad
  };
  assert.ok(await limit(title, 4096), "4 GB");
  assert.ok(await limit("Holes in the address space", 64), "64 MB");
  assert.ok(!(await limit("Memory of the plugin's allocator", 64)));
  await close();
});

test("what was never called is a line", async () => {
  const { page, close } = await open("full.html", windows[1], "light");
  const lines = await page.locator("p.never").allTextContents();
  assert.ok(lines.includes("Never called: Pattern 8: heap interior; Pattern 10: CRT small blocks."), String(lines));
  const quiet = page.locator("summary", { hasText: "Never called in this session: 8 heap interior, 10 CRT small blocks" });
  await quiet.click();
  assert.ok(await page.locator('table[aria-label="Patterns, never called"]').isVisible());
  assert.equal(await page.locator('table[aria-label="Patterns"] tbody tr').count(), 8);
  await close();
});

test("a door that only one session has is drawn", async () => {
  const { page, close } = await open("compare.html", windows[1], "light");
  assert.equal(await chartNamed(page, "Game heap").count(), 1);
  assert.equal(await chartNamed(page, "Pattern 9: heap blocks").count(), 1);
  await close();
});

test("all values can be saved as CSV", async () => {
  const { page, close } = await open("full.html", windows[1], "light");
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "All values (CSV)" }).click()]);
  assert.equal(download.suggestedFilename(), "full.values.csv");
  const saved = path.join(screenshots, "full.values.csv");
  await download.saveAs(saved);
  const [head, ...lines] = fs.readFileSync(saved, "utf8").trimEnd().split("\n");
  const [names, ...rows] = read("full.csv").trimEnd().split("\n");
  assert.equal(head, names.replace("ms,", "s,"));
  assert.equal(lines.length, rows.length + 2, "and the file's name and frame cap");
  const at = head.split(",").indexOf("allocations");
  const total = rows.filter((row) => !row.includes('"')).reduce((sum, row) => sum + Number(row.split(",")[at] || 0), 0);
  assert.equal(Number(lines.findLast((line) => !line.includes('"')).split(",")[at]), total);
  await close();
});

test("modules are folded and can be searched", async () => {
  const { page, close } = await open("full.html", windows[0], "light");
  const rows = page.locator('table[aria-label="Modules"] tbody tr');
  assert.equal(await rows.first().isVisible(), false);
  await page.locator("summary", { hasText: "5 modules" }).click();
  assert.equal(await rows.filter({ visible: true }).count(), 5);
  await page.getByRole("searchbox").fill("JIP");
  assert.deepEqual(await rows.filter({ visible: true }).locator("td").first().allTextContents(), ["jip_nvse.dll"]);
  await close();
});

test("paper is light, whatever the screen is", async () => {
  const { page, trouble, close } = await open("full.html", windows[1], "dark");
  const inks = ["11 98 181", "109 179 248"];  // --one, light and dark
  // Waits until the first chart is painted with this one of the two.
  const ink = (which) => page.waitForFunction(([wanted, other]) => {
    const { ctx } = window.reportCharts[0].plot, painted = new Set();
    const pixels = ctx.getImageData(0, 0, ctx.canvas.width, ctx.canvas.height).data;
    for (let i = 0; i < pixels.length; i += 4) if (pixels[i + 3] === 255) painted.add(pixels.slice(i, i + 3).join(" "));
    return painted.has(wanted) && !painted.has(other);
  }, [inks[which], inks[1 - which]], { timeout: 20000 });
  const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await ink(1);
  await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
  await ink(0);
  await page.evaluate(() => window.dispatchEvent(new Event("afterprint")));
  await ink(1);
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  await ink(0);
  assert.equal(await back(), "rgb(255, 255, 255)");
  await page.setViewportSize({ width: 700, height: 1000 });
  const width = await page.evaluate(overflow);
  assert.ok(width.pageWidth <= width.limit, `${width.pageWidth} > ${width.limit}: ${width.tooWide}`);
  await page.screenshot({ path: path.join(screenshots, "full-print.png"), fullPage: true });
  await page.pdf({ path: path.join(screenshots, "full.pdf"), format: "A4", printBackground: true });
  await page.emulateMedia({ media: "screen", colorScheme: "dark" });
  await ink(1);
  assert.deepEqual(trouble.filter((text) => !text.includes("willReadFrequently")), [], "looking at pixels often is the test's own");
  await close();
});

test("the start is told by the reader's clock, in the title, too", async () => {
  const { page, close } = await open("full.html", windows[0], "light", { timezoneId: "America/New_York", locale: "en-US" });
  assert.match(await page.title(), /^MemoryPoolNVSE: Nov 23, 2025, 3:00.PM$/);
  assert.match(await page.innerText("header .title"), /Nov 23, 2025, 3:00.PM/);
  await close();
});

test("figures have three digits, estimates are called so", async () => {
  const { page, close } = await open("estimated.html", windows[1], "light");
  const tiles = await page.locator(".tile").evaluateAll((nodes) => nodes.map((node) => [...node.children].map((child) => child.textContent)));
  for (const [value, name] of tiles.filter(([, label]) => !["mode", "duration"].includes(label))) {
    const digits = value.replace(/[^\d.]/g, "").replace(".", "").replace(/^0+/, "");
    assert.ok(digits.length <= 3 || /^\d{3}0+$/.test(digits), `${name}: ${value}`);
  }
  const tile = (name) => tiles.find(([, label]) => label === name)[0];
  assert.match(tile("kernel calls saved per second"), /^\u2248 \d/);
  assert.match(tile("1 % low"), /^\u2248 \d/);
  assert.match(tile("kernel calls per second"), /^\d/);
  assert.match(await page.locator('table[aria-label="Counters"] tr', { hasText: "kernel calls saved" }).innerText(), /\u2248 /);
  assert.match(await chartNamed(page, "Kernel calls").innerText(), /saved are estimated/);
  await close();
});

test("frame times, their cap and loading screens are shown", async () => {
  const { page, close } = await open("full.html", windows[1], "light");
  assert.match(await page.innerText("header"), /a frame cap of about 60 frames a second/);
  const [, shares] = await page.evaluate(() => window.reportCharts.find(({ title }) => title === "How long frames took").plot.data);
  assert.ok(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 100) < 0.01, String(shares));
  const [, longest, median] = await page.evaluate(() => window.reportCharts.find(({ title }) => title === "Frame times").plot.data);
  assert.ok(Math.max(...longest) <= 62.001 && Math.max(...longest) > 50 && longest[5] === null, "none in a loading screen");
  assert.ok(median.every((ms) => ms === null || (ms > 16 && ms <= 18)));
  const rows = await page.locator('table[aria-label="Loading screens"] tbody tr').allInnerTexts();
  assert.equal(rows.length, 5);
  assert.match(rows[1], /5:00\s+12 s\s+1,120 \u2192 1,170 MB\s+640 \u2192 595 MB/);
  assert.match(rows[4], /20:00\s+still on/);
  await close();
});

test("what a mode leaves to the game on purpose is shown as chosen", async () => {
  const { page, close } = await open("scrap.html", windows[0], "light");
  const text = await page.innerText("body");
  for (const expected of ["4 of 17", "chosen with sMode = scrap", "scrap heaps", "not asked for"]) {
    assert.ok(text.includes(expected), `missing: ${expected}`);
  }
  await close();
});

test("sizes and frames are drawn when they were measured", async () => {
  const { page, close } = await open("full.html", windows[1], "light");
  const charts = await page.evaluate(inspectCharts);
  for (const title of ["Sizes of allocations", "Frames"]) {
    assert.ok(charts.some((chart) => chart.title === title && chart.drawn), `missing: ${title}`);
  }
  assert.ok((await page.innerText("body")).includes("frame, mean"));
  await close();
});

test("what was not measured says so in one line", async () => {
  const { page, trouble, close } = await open("off.html", windows[0], "light");
  const lines = await page.locator("p.never").allTextContents();
  assert.ok(lines.some((line) => /^Not measured in this session: Memory of the plugin's allocator; .*Sizes of allocations\.$/.test(line)), String(lines));
  assert.equal((await page.innerText(".tiles >> nth=0")).includes("live"), false);
  assert.deepEqual(trouble, []);
  await close();
});

test("a crashed session with a declined group says both", async () => {
  const { page, close } = await open("crashed.html", windows[0], "dark");
  const text = await page.innerText("body");
  for (const expected of ["works in part", "no orderly end", "the last line is torn", "pool memory: declined", "13 of 17", "foreign jump"]) {
    assert.ok(text.includes(expected), `missing: ${expected}`);
  }
  await close();
});

test("texts of a session are never markup", async () => {
  const { page, trouble, close } = await open("full.html", windows[1], "light");
  assert.ok((await page.innerText("body")).includes("</pre></script><b>not \"markup\"</b>"));
  assert.equal(await page.locator("b", { hasText: "not markup" }).count(), 0);
  assert.deepEqual(trouble, []);
  await close();
});

test("every chart has its values as a table", async () => {
  const { page, close } = await open("full.html", windows[0], "light");
  const details = page.locator(".chart details");
  assert.equal(await details.count(), (await page.evaluate(() => window.reportCharts.length)));
  for (let i = 0; i < await details.count(); ++i) {
    await details.nth(i).locator("summary").click();
    await details.nth(i).locator("tbody tr").first().waitFor();
  }
  const width = await page.evaluate(overflow);
  assert.deepEqual(width.tooWide, []);
  assert.ok(width.pageWidth <= width.limit);
  await close();
});

test("charts follow the window", async () => {
  const { page, trouble, close } = await open("full.html", windows[1], "light");
  await page.setViewportSize({ width: 400, height: 800 });
  await page.waitForFunction(() => window.reportCharts.every((chart) => chart.plot.width <= 400));
  const width = await page.evaluate(overflow);
  assert.ok(width.pageWidth <= width.limit);
  assert.deepEqual(trouble, []);
  await close();
});
