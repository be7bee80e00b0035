// page_test.mjs NODE_MODULES CHROMIUM PAGES SCREENSHOTS: looks at the pages in headless Chromium, narrow to very wide,
// light and dark: no message on the console, no request, every chart drawn, nothing wider than the window.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";

const [nodeModules, executablePath, pages, screenshots] = process.argv.slice(2);
const { chromium } = createRequire(path.join(nodeModules, "x.js"))("playwright-core");

const windows = [
  { name: "360", width: 360, height: 740, deviceScaleFactor: 2 },
  { name: "1280", width: 1280, height: 800, deviceScaleFactor: 1 },
  { name: "4k", width: 3840, height: 2160, deviceScaleFactor: 1 },
];
const schemes = ["light", "dark"];

let browser;

/// Opens a page and gathers everything that must not happen.
async function open(file, view, colorScheme) {
  const context = await browser.newContext({ viewport: { width: view.width, height: view.height },
    deviceScaleFactor: view.deviceScaleFactor, colorScheme });
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
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
});
after(async () => browser && browser.close());

/// The widest variety for the page that is seen most, one look at each of the others.
const looks = { "full.html": windows, "compare.html": windows, "crashed.html": windows.slice(0, 1), "long.html": windows.slice(1, 2) };
const read = (file) => fs.readFileSync(path.join(pages, file), "utf8");


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
  for (const expected of ["17 of 17", "heap blocks", "0x00AA8F50", "jip_nvse.dll", "game heap", "Preload", "6.4.8", "full.csv"]) {
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
  assert.ok(Math.max(...points) <= 1510 && Math.max(...points) > 750, String(points));
  assert.ok(Math.min(...points.slice(10)) <= 240, String(points));
  await close();
});

test("the page compares as mpnvse does", async () => {
  const { page, close } = await open("compare.html", windows[1], "light");
  const rows = await page.locator('table[aria-label="Both sessions"] tbody tr').evaluateAll((nodes) =>
    nodes.map((node) => [...node.children].map((cell) => cell.textContent)));
  const { figures } = JSON.parse(read("compare.json"));
  assert.equal(rows.length, figures.length);
  figures.forEach(({ name, unit, first, second, ratio }, i) => {
    assert.equal(rows[i][0], unit ? `${name} (${unit})` : name);
    [first, second, ratio].forEach((value, side) => {
      const shown = rows[i][side + 1];
      if (value === null) assert.equal(shown, "–", name);
      else assert.ok(Math.abs(Number(shown.replaceAll(",", "")) - value) <= Math.max(0.006, Math.abs(value) / 1000), `${name}: ${shown}, not ${value}`);
    });
  });
  await close();
});

test("the page says the plugin's own verdict in its words", async () => {
  for (const name of ["full", "scrap", "off", "owned", "crashed"]) {
    const { page, close } = await open(`${name}.html`, windows[0], "light");
    const [, verdict] = read(`${name}.csv`).match(/"verdict: ([^"]*)"/);
    assert.ok((await page.innerText("header")).includes(verdict), `${name}: ${verdict}`);
    assert.equal(await page.locator(".badge.good").count(), verdict.includes("all is well") ? 1 : 0, name);
    assert.equal(await page.locator(".warnings li").count(), name === "crashed" ? 3 : 0, `${name}: the declined group, the torn line, no end`);
    if (name === "owned") assert.equal(await page.locator(".state", { hasText: "– left to its owner" }).count(), 3, "its function, door and group");
    await close();
  }
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

test("what was not measured says so, behind the charts that have something to show", async () => {
  const { page, trouble, close } = await open("off.html", windows[0], "light");
  const cards = await page.locator(".charts").first().locator(".chart").evaluateAll((nodes) =>
    nodes.map((node) => ({ title: node.querySelector("h3").textContent, empty: node.classList.contains("empty"), text: node.innerText })));
  const sizes = cards.find((one) => one.title === "Sizes of allocations");
  assert.match(sizes.text, /No block was counted in this session\./);
  assert.match(cards.find((one) => one.title === "Memory of the plugin's allocator").text, /Not measured in this session\./);
  const order = cards.map((one) => one.empty);
  assert.deepEqual(order, [...order].sort());
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
