// watch_test.mjs NODE_MODULES CHROMIUM MPNVSE SESSION: the page of `mpnvse watch` in headless Chromium, while a session grows
// line by line and the next one begins.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import { after, before, test } from "node:test";

import { launchBrowser } from "../support/browser.mjs";

const [nodeModules, executablePath, mpnvse, example] = process.argv.slice(2);

const [head, ...lines] = fs.readFileSync(example, "utf8").trimEnd().split("\n");
const firstRow = lines.findIndex((line) => !line.includes('"'));
const isRow = (line) => /^\d+,,/.test(line);
const rows = lines.slice(firstRow).filter(isRow);
const start = (when, count) => [head, ...lines.slice(0, firstRow).map((line) => line.replace(/start: [^"]*/, `start: ${when}`)), ...rows.slice(0, count), ""].join("\n");

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mpnvse-watch-"));
const session = path.join(folder, "MemoryPoolNVSE.csv");
let browser, watch, page;
const trouble = [];
// Of a chart over the whole session, in the page as it is now; out of sight it need not be drawn.
const chart = (at) => page.evaluate((title) => {
  const { x } = window.reportCharts.find((one) => one.title === title).spec;
  return { points: x.length, last: x.at(-1) };
}, at);
const until = (condition, argument) => page.waitForFunction(condition, argument, { timeout: 120000, polling: 100 });

before(async () => {
  watch = spawn(mpnvse, ["watch", folder], { stdio: ["ignore", "pipe", "inherit"] });
  const [address] = await new Promise((done) => readline.createInterface({ input: watch.stdout }).once("line", (line) => done([line])));
  browser = await launchBrowser(nodeModules, executablePath);
  page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.on("pageerror", (error) => trouble.push(`error: ${error.message}`));
  page.on("console", (message) => trouble.push(`console ${message.type()}: ${message.text()}`));
  page.on("request", (request) => { if (request.url() !== address) trouble.push(`request: ${request.url()}`); });
  await page.goto(address);
});
after(async () => {
  await browser?.close();
  watch?.kill();
  fs.rmSync(folder, { recursive: true });
});

test("who comes before the game waits for its session", async () => {
  assert.match(await page.innerText("body"), /Waiting for the session/);
  fs.writeFileSync(session, start("first", 3));
  await until(() => window.reportCharts?.length > 0);
  assert.equal((await chart("Frames")).points, 3);
  trouble.length = 0;  // of a plain text, the browser itself asks for an icon
});

test("charts and figures grow without a reload, and what the reader opened stays", async () => {
  await page.evaluate(() => { window.isTheSamePage = true; });
  await until(() => /follows the session/.test(document.getElementById("following").textContent));
  const details = page.locator(".chart details").first();
  await details.locator("summary").click();
  await details.locator("tbody tr").nth(2).waitFor();
  await page.evaluate(() => scrollTo(0, 300));
  for (let count = 3; count < 20; ++count) {
    fs.appendFileSync(session, `${rows[count]}\n`);
    await new Promise((done) => setTimeout(done, 10));
  }
  await until(([count, text]) => window.reportCharts.find((one) => one.title === text)?.spec.x.length === count, [20, "Frames"]);
  assert.equal((await chart("Frames")).last, Number(rows[19].split(",")[0]) / 1000);
  assert.equal(await page.evaluate(() => window.isTheSamePage), true);
  await details.locator("tbody tr").nth(19).waitFor();
  assert.equal(await page.evaluate(() => scrollY), 300);
  assert.ok((await page.innerText("header")).includes("0:19"), "the length of the session");
});

test("nothing moves below the pointer", async () => {
  await page.evaluate(() => scrollTo(0, 0));
  const plot = page.locator(".plot").first();
  await plot.hover();
  const before = (await chart("Frames")).points;
  fs.appendFileSync(session, `${rows[20]}\n`);
  const asked = page.waitForResponse((response) => response.status() === 200);
  await asked;
  await page.waitForResponse((response) => response.status() === 304);
  assert.equal((await chart("Frames")).points, before);
  await page.mouse.move(0, 0);
  await until(([count]) => window.reportCharts.find((one) => one.title === "Frames").spec.x.length === count, [21]);
});

test("charts out of sight are drawn when they come into sight", async () => {
  const last = page.locator(".plot").last();
  assert.equal(await last.locator("canvas").count(), 0);
  await last.scrollIntoViewIfNeeded();
  await last.locator("canvas").waitFor();
});

test("the next game's session takes the place of the last one", async () => {
  await page.evaluate(() => scrollTo(0, 0));
  fs.renameSync(session, path.join(folder, "MemoryPoolNVSE.previous.csv"));
  await until(() => /Waiting for the session/.test(document.getElementById("following").textContent));
  fs.writeFileSync(session, start("second", 5));
  await until(() => window.reportCharts.find((one) => one.title === "Frames").spec.x.length === 5);
  assert.equal(await page.evaluate(() => window.isTheSamePage), true);
  const text = await page.innerText("body");
  assert.ok(text.includes("second") && !text.includes("start: first"));
});

test("when mpnvse has ended the page says so and keeps what it shows", async () => {
  watch.kill();
  await until(() => /has ended/.test(document.getElementById("following").textContent));
  assert.equal((await chart("Frames")).points, 5);
  assert.deepEqual(trouble.filter((text) => !text.includes("ERR_CONNECTION_REFUSED")), []);
});
