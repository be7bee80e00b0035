// Chromium without a window, and without asking anybody in the network.
import { createRequire } from "node:module";
import path from "node:path";

/// NODE_MODULES has playwright-core; the executable is Debian's. Close what it returns.
export function launchBrowser(nodeModules, executablePath) {
  const { chromium } = createRequire(path.join(nodeModules, "x.js"))("playwright-core");
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
}
