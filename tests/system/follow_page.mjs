// follow_page.mjs NODE_MODULES CHROMIUM ADDRESS: opens the page of `mpnvse watch` and stays until it has shown three more seconds
// of the running game without a reload. Prints what it showed then, as JSON.
import { launchBrowser } from "../support/browser.mjs";

const [nodeModules, executablePath, address] = process.argv.slice(2);
const browser = await launchBrowser(nodeModules, executablePath);
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
const errors = [];
page.on("pageerror", (error) => errors.push(error.message));
page.setDefaultTimeout(0);  // whoever started this bounds it
await page.goto(address);
const points = () => page.evaluate(() => window.reportCharts.find((chart) => chart.title === "Frames").spec.x.length);
const shows = (count) => page.waitForFunction(
  (least) => window.reportCharts?.find((chart) => chart.title === "Frames")?.spec.x.length >= least, count, { polling: 100 });
await shows(1);
await page.evaluate(() => { window.isTheSamePage = true; });
const first = await points();
await shows(first + 3);
const shown = await page.evaluate(() => {
  const { spec } = window.reportCharts.find((chart) => chart.title === "Frames");
  return { isTheSamePage: window.isTheSamePage === true, seconds: spec.x, following: document.getElementById("following").textContent };
});
await browser.close();
process.stdout.write(JSON.stringify({ first, errors, ...shown }));
