// node look.mjs BROWSER: what it makes of the pages that it is asked for, a line of JSON for each.
// It is asked by lines: {"page": FILE, "used": whether somebody uses it as well}.
import fs from "node:fs";
import path from "node:path";
import readline from "node:readline";
import { chromium } from "playwright-core";

const [browser] = process.argv.slice(2);
const AXE = fs.readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const opened = await chromium.launch({ executablePath: browser, args: ["--no-sandbox"] });

async function open(file, options) {
  const page = await opened.newPage(options);
  page.troubles = [];
  page.on("pageerror", (error) => page.troubles.push(String(error)));
  page.on("console", (message) => page.troubles.push(message.text()));
  await page.goto(`file://${path.resolve(file)}`);
  return page;
}

// everything open, as the first who looks for something finds it
const unfold = () => document.querySelectorAll("details").forEach((one) => (one.open = true));

// what has to be scrolled sideways
const beyond = () =>
  [...document.querySelectorAll("main *")]
    .filter((one) => !one.closest("svg") && getComputedStyle(one).display !== "inline")
    .filter((one) => one.clientWidth && one.scrollWidth > one.clientWidth + 1)
    .map((one) => `${one.tagName} ${one.className}: ${one.textContent.slice(0, 40)}`);

async function seen(file, used) {
  const found = { height: {}, beyond: {} };
  const page = await open(file, {});
  const paper = (await page.pdf({ format: "A4" })).toString("latin1");
  found.printed = paper.match(/\/Type\s*\/Page[^s]/g).length;
  const widths = [390, 820, 1280];
  for (const width of widths) {
    await page.setViewportSize({ width, height: 844 });
    found.height[width] = await page.evaluate(() => document.documentElement.scrollHeight);
  }
  await page.evaluate(unfold);
  for (const width of widths) {
    await page.setViewportSize({ width, height: 844 });
    found.beyond[width] = await page.evaluate(beyond);
  }
  found.troubles = page.troubles;
  await page.close();
  if (used) {
    found.axe = await violated(file);
    found.link = await followed(file);
    found.filter = await filtered(file);
    found.plain = await withoutScript(file);
  }
  return found;
}

// what axe finds with everything unfolded; in the dark only colours are others
async function violated(file) {
  const all = [];
  for (const [colorScheme, rules] of [["light", {}], ["dark", { runOnly: ["color-contrast"] }]]) {
    const page = await open(file, { colorScheme, viewport: { width: 1280, height: 844 } });
    await page.evaluate(unfold);
    await page.evaluate(AXE); // from outside the page: its policy lets no other script in
    const { violations } = await page.evaluate((rules) => axe.run(rules), rules);
    all.push(...violations.map((one) => `${one.id}: ${one.nodes[0].html}`));
    await page.close();
  }
  return all;
}

// whether the first link to a condition opens it
async function followed(file) {
  const page = await open(file, { viewport: { width: 390, height: 844 } });
  const link = page.locator('main a[href^="#condition-"]').first();
  if (!(await link.count())) return true;
  const address = await link.getAttribute("href");
  await link.click();
  const shown = await page.locator(address).isVisible();
  await page.close();
  return shown;
}

// [what the filter says, how many are left]
async function filtered(file) {
  const page = await open(file, {});
  await page.locator("#filter input").fill("no such thing");
  const said = await page.locator("#filter output").textContent();
  const left = await page.locator("[data-find]:visible").count();
  await page.close();
  return [said, left];
}

// without a script: no filter, and every condition can be opened
async function withoutScript(file) {
  const context = await opened.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`file://${path.resolve(file)}`);
  const filter = await page.locator("#filter").isVisible();
  const first = page.locator("details.condition:visible, details.sweep:visible").first();
  await first.locator("summary").first().click();
  const open = (await first.getAttribute("open")) !== null;
  await context.close();
  return { filter, open };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { page, used } = JSON.parse(line);
  console.log(JSON.stringify(await seen(page, used)));
}
await opened.close();
