// report_picture.mjs NODE_MODULES CHROMIUM PAGE PICTURE [HEADING]: the upper part of a report's page as README shows it, or
// what stands below one of its headings.
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [nodeModules, executablePath, page, picture, heading] = process.argv.slice(2);
const { chromium } = createRequire(path.join(nodeModules, "x.js"))("playwright-core");

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const view = await browser.newPage({ viewport: { width: 1600, height: 1575 }, colorScheme: "light" });
await view.goto(pathToFileURL(path.resolve(page)).href);
await view.waitForFunction(() => window.reportCharts.every((chart) => chart.drawn));
const boxOf = async (locator) => (await locator.boundingBox()) ?? { y: 0, height: 0 };
if (heading) {
  await view.setViewportSize({ width: 1200, height: 2000 });
  const top = (await boxOf(view.getByRole("heading", { name: heading }))).y;
  const last = await boxOf(view.locator("main section.card", { has: view.locator(".stacks") }).last());
  await view.screenshot({ path: picture, fullPage: true, clip: { x: 0, y: top - 8, width: 1200, height: last.y + last.height - top + 24 } });
} else {
  await view.screenshot({ path: picture });
}
await browser.close();
