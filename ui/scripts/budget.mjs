// Fails the build when the first load or the whole grows over its budget.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

const dist = new URL("../dist/", import.meta.url).pathname;
const FIRST_LOAD_KB = 220;
const WHOLE_KB = 1500;

const manifest = JSON.parse(readFileSync(join(dist, ".vite/manifest.json"), "utf8"));
const first = new Set();
const visit = (key) => {
  const chunk = manifest[key];
  if (!chunk || first.has(chunk.file)) return;
  first.add(chunk.file);
  for (const next of chunk.imports ?? []) visit(next);
};
visit("index.html");
const gzip = (file) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length / 1000;
const load = [...first].reduce((sum, file) => sum + gzip(file), 0);

const files = (folder) =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
const whole = files(dist)
  .map((path) => (/\.woff2$/.test(path) ? statSync(path).size : brotliCompressSync(readFileSync(path)).length))
  .reduce((sum, size) => sum + size / 1000, 0);

console.log(`first load ${load.toFixed(1)} kB of script, gzip (at most ${FIRST_LOAD_KB})`);
console.log(`everything ${whole.toFixed(0)} kB, brotli (at most ${WHOLE_KB})`);
if (load > FIRST_LOAD_KB || whole > WHOLE_KB) {
  console.error("over the budget: load more of it lazily");
  process.exit(1);
}
