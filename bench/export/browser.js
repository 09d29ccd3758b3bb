// What a page of `petal export --to web` says of photos in headless Chromium, beside `petal predict`:
//
//     npm install puppeteer-core onnxruntime-web
//     petal export RUN --to web -o site --runtime node_modules/onnxruntime-web/dist
//     CHROMIUM=/usr/bin/chromium node bench/export/browser.js site RUN target/release/petal PHOTO…
//
// It prints how many photos got the same class, and the largest difference of a probability.
"use strict";

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const puppeteer = require(path.join(process.cwd(), "node_modules/puppeteer-core"));

const [site, run, petal, ...photos] = process.argv.slice(2);
const TYPES = {
  ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css",
  ".json": "application/json", ".wasm": "application/wasm",
};
const CHUNK = 100;

/** A plain static server, without special headers. */
const server = http.createServer((request, response) => {
  const name = path.join(site, request.url === "/" ? "index.html" : decodeURIComponent(request.url.split("?")[0]));
  if (!name.startsWith(path.normalize(site)) || !fs.existsSync(name)) return response.writeHead(404).end();
  response.writeHead(200, { "Content-Type": TYPES[path.extname(name)] ?? "application/octet-stream" });
  fs.createReadStream(name).pipe(response);
});

async function main() {
  const lines = execFileSync(petal, ["predict", run, "--json", ...photos], { maxBuffer: 1 << 28 }).toString().trim();
  const expected = new Map(lines.split("\n").map(JSON.parse).map((line) => [path.basename(line.photo), line]));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox"],
  });
  const page = await browser.newPage();
  await page.setViewport({ width: 1200, height: 900 });
  page.on("pageerror", (error) => console.log("error in the page:", error.message));
  page.on("requestfailed", (request) => console.log("not loaded:", request.url()));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const input = await page.$("#files");
  let [same, largest, begin] = [0, 0, Date.now()];
  for (let at = 0; at < photos.length; at += CHUNK) {
    const chunk = photos.slice(at, at + CHUNK);
    await page.evaluate("answers = []");
    await input.uploadFile(...chunk);
    await page.waitForFunction(`answers.length === ${chunk.length}`, { timeout: 600000 });
    for (const answer of await page.evaluate("answers")) {
      const line = expected.get(answer.photo);
      if (answer.problem) console.log(answer.photo, answer.problem);
      if (answer.class === line.class) same += 1;
      else console.log(`${answer.photo}: ${answer.class}, petal ${line.class}`);
      for (const [name, probability] of Object.entries(answer.probabilities ?? {})) {
        largest = Math.max(largest, Math.abs(probability - line.probabilities[name]));
      }
    }
  }
  const rate = photos.length / ((Date.now() - begin) / 1000);
  console.log(`${same} of ${photos.length} the same class, largest difference ${largest.toExponential(1)}, ${rate.toFixed(1)} photos/s`);
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT, fullPage: true });
  await browser.close();
  server.close();
}

main().catch((error) => { console.error(error); process.exit(1); });
