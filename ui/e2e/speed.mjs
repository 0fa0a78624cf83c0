// How fast the grid and the stage are in headless Chromium: one million samples from a made-up server, and 5,000 shapes.
// The server's own time is not in it: every answer is made here at once.
//
//   CHROMIUM=/usr/bin/chromium node e2e/speed.mjs
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { chromium } from "playwright-core";

const dist = new URL("../dist/", import.meta.url).pathname;
const TOTAL = Number(process.env.TOTAL ?? 1_000_000);
const SHAPES = Number(process.env.SHAPES ?? 5_000);
const commit = "a".repeat(64);
const types = {
  ".js": "text/javascript",
  ".css": "text/css",
  ".html": "text/html",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};
const picture =
  '<svg xmlns="http://www.w3.org/2000/svg" width="640" height="480"><rect width="640" height="480" fill="#468"/></svg>';

const box = (id, n) => {
  const side = Math.ceil(Math.sqrt(n));
  const x = ((id % side) * 600) / side;
  const y = (Math.floor(id / side) * 440) / side;
  return {
    id: id + 1,
    type: "box2d",
    class: `class ${id % 12}`,
    shape: { xmin: x, ymin: y, xmax: x + 560 / side, ymax: y + 400 / side },
  };
};
const row = (i, labels = 8) => ({
  path: `images/${String(i).padStart(8, "0")}.jpg`,
  media: { size: 1e5, mime: "image/jpeg", width: 640, height: 360 + ((i * 37) % 300) },
  layers: { truth: Array.from({ length: labels }, (_, k) => box(k, labels)) },
});
const answers = {
  datasets: () => [],
  branches: () => [{ name: "main", commit, default: true }],
  tags: () => [],
  ontology: () => ({ types: {} }),
  stats: () => ({
    dataset: "a/b",
    commit,
    samples: TOTAL,
    annotations: TOTAL * 8,
    splits: {},
    classes: { "class 1": TOTAL },
    bytes: 1e12,
    media: {},
    layers: {},
  }),
  facets: () => ({ total: TOTAL, commit, splits: {}, classes: {}, layers: {}, types: {} }),
  samples: (q) => {
    const total = q.get("filter") ? TOTAL / 2 : TOTAL;
    const from = Number(q.get("from"));
    const count = Math.min(Number(q.get("count")), total - from);
    return { total, commit, rows: Array.from({ length: count }, (_, i) => row(from + i)) };
  },
  sample: () => ({ commit, sample: row(0, SHAPES) }),
};
const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://localhost");
  const what = pathname.split("/").at(-1);
  if (what === "media" || what === "preview")
    return response.writeHead(200, { "content-type": "image/svg+xml" }).end(picture);
  if (pathname.startsWith("/api/"))
    return response
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify(answers[what](searchParams)));
  const file = extname(pathname) && existsSync(join(dist, pathname)) ? join(dist, pathname) : join(dist, "index.html");
  response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" });
  createReadStream(file).pipe(response);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const base = `http://127.0.0.1:${server.address().port}`;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
const page = await browser.newPage({ viewport: { width: 1600, height: 900 } });

/** Frames a second, and the slowest frame, while the grid scrolls or the stage zooms. */
const frames = (what) =>
  page.evaluate(async (kind) => {
    const call = (i) => {
      if (kind === "scroll") {
        document.querySelector(".grid-scroller").scrollTop += 40;
        return;
      }
      const wheel = { deltaY: i % 60 < 30 ? -60 : 60, clientX: 800, clientY: 450, bubbles: true, cancelable: true };
      document.querySelector("[role=application] canvas:last-of-type").dispatchEvent(new WheelEvent("wheel", wheel));
    };
    const times = [];
    let last = performance.now();
    for (let i = 0; i < 180; i++) {
      call(i);
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      times.push(now - last);
      last = now;
    }
    times.sort((a, b) => a - b);
    return {
      fps: 1000 / (times.reduce((a, b) => a + b, 0) / times.length),
      slow: times[Math.floor(times.length * 0.99)],
    };
  }, what);
const timed = async (what) => {
  const start = performance.now();
  await what();
  return performance.now() - start;
};
const told = {};
told["open, cold (ms)"] = await timed(async () => {
  await page.goto(`${base}/d/a/b/explore`);
  await page.locator(".grid-tile img.is-there").first().waitFor();
});
told["first paint (ms)"] = await page.evaluate(
  () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
);
await page.locator(".grid-scroller").focus();
told["jump to the end (ms)"] = await timed(async () => {
  await page.keyboard.press("End");
  await page.locator(`#tile-${TOTAL - 1} img.is-there`).waitFor();
});
told["jump to the middle (ms)"] = await timed(async () => {
  await page.evaluate(() => {
    const s = document.querySelector(".grid-scroller");
    s.scrollTop = s.scrollHeight / 2;
  });
  await page.locator(".grid-tile img.is-there").first().waitFor();
});
told["filter (ms)"] = await timed(async () => {
  await page.locator("#filter").fill("class:x");
  await page.keyboard.press("Enter");
  await page.locator("footer", { hasText: (TOTAL / 2).toLocaleString("en") }).waitFor();
  await page.locator("#tile-0 img.is-there").waitFor();
});
const scroll = await frames("scroll");
told["scroll with overlays (fps)"] = scroll.fps;
told["scroll, 99th percentile frame (ms)"] = scroll.slow;
await page.goto(`${base}/d/a/b/sample?path=x&at=0`);
await page.locator("[role=application] canvas").last().waitFor();
await page.waitForTimeout(800);
const zoom = await frames("zoom");
told[`stage, ${SHAPES} shapes (fps)`] = zoom.fps;
told["stage, 99th percentile frame (ms)"] = zoom.slow;
told["heap (MB)"] = (await page.evaluate(() => performance.memory?.usedJSHeapSize ?? 0)) / 1e6;
for (const [what, value] of Object.entries(told)) console.log(`${what.padEnd(38)} ${value.toFixed(1)}`);
await browser.close();
server.close();
