// A scratch lake with the drawn street dataset in it, a server over it, and a browser that notes whatever is wrong.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const tamis = process.env.TAMIS ?? "tamis";

export async function world() {
  const home = mkdtempSync(join(tmpdir(), "tamis-e2e-"));
  const lake = join(home, "lake");
  const env = { ...process.env, TAMIS_NO_PROGRESS: "1", TAMIS_AUTHOR: "Ann <ann@example.org>" };
  const run = (args, options = {}) =>
    execFileSync(tamis, ["--lake", lake, ...args], {
      encoding: "utf8",
      env,
      stdio: ["ignore", "pipe", "ignore"],
      ...options,
    });
  const json = (args) => JSON.parse(run([...args, "--json"]));
  run(["init", lake]);
  run(["demo", join(home, "street")]);
  run(["import", join(home, "street"), "acme/street"]);
  run(["import", join(home, "street"), "alone"]);

  const dist = new URL("../dist", import.meta.url).pathname;
  const server = spawn(tamis, ["--lake", lake, "--quiet", "serve", "--bind", "127.0.0.1:0", "--ui", dist], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const base = await new Promise((resolve) => server.stdout.once("data", (line) => resolve(String(line).trim())));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox"],
  });
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    locale: "en",
    colorScheme: "dark",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on(
    "console",
    (message) =>
      message.type() === "error" && !/Failed to load resource/.test(message.text()) && wrong.push(message.text()),
  );
  page.on("response", (response) => response.status() >= 400 && wrong.push(`${response.status()} ${response.url()}`));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(base) && !/^(blob|data):/.test(url)) wrong.push(`a request to ${url}`);
  });

  /** Edits a branch's label file by a function of each sample, and commits. */
  const edit = (branch, message, change) => {
    const folder = join(home, `work-${branch}-${Date.now()}`);
    run(["checkout", `acme/street@${branch}`, folder]);
    const file = join(folder, "samples.jsonl");
    const lines = readFileSync(file, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    lines.forEach(change);
    writeFileSync(file, `${lines.map((line) => JSON.stringify(line)).join("\n")}\n`);
    run(["commit", "-m", message], { cwd: folder });
  };

  return {
    base,
    page,
    run,
    json,
    edit,
    wrong,
    async close() {
      await browser.close();
      server.kill();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
