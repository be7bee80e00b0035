// report_picture.mjs NODE_MODULES CHROMIUM PAGE PICTURE: the upper part of a report's page as README shows it.
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [nodeModules, executablePath, page, picture] = process.argv.slice(2);
const { chromium } = createRequire(path.join(nodeModules, "x.js"))("playwright-core");

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const view = await browser.newPage({ viewport: { width: 1600, height: 1575 }, colorScheme: "light" });
await view.goto(pathToFileURL(path.resolve(page)).href);
await view.waitForFunction(() => window.reportCharts.every((chart) => chart.drawn));
await view.screenshot({ path: picture });
await browser.close();
