// The UI and its API over a `tamis` program, for work on the UI and for its tests: every answer is what the program prints.
//
//   TAMIS=target/debug/tamis node dev/server.mjs LAKE [PORT]
import { execFile } from "node:child_process";
import { createReadStream, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";

const tamis = process.env.TAMIS ?? "tamis";
const [lake, port = "7878"] = process.argv.slice(2);
const dist = new URL("../dist/", import.meta.url).pathname;
const scratch = mkdtempSync(join(tmpdir(), "tamis-ui-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));

class Refused extends Error {
  constructor(status, code, message, hint) {
    super(message);
    Object.assign(this, { status, code, hint });
  }
}

/** Runs the program; its exit status becomes the HTTP status. */
function run(args, options = {}) {
  return new Promise((resolve, reject) => {
    const all = ["--lake", lake, ...args];
    execFile(
      tamis,
      all,
      { maxBuffer: 1 << 30, env: { ...process.env, TAMIS_NO_PROGRESS: "1" }, ...options },
      (error, out, said) => {
        if (!error || options.allowed?.includes(error.code)) return resolve(out);
        const [, code = "engine", message = said] = /error\[([\w.]+)\]: (.*)/.exec(said) ?? [];
        const status = { 2: 400, 3: 404, 4: 409, 5: 403 }[error.code] ?? 500;
        reject(new Refused(status, code, message.trim(), /^hint: (.*)$/m.exec(said)?.[1]));
      },
    );
  });
}
const json = async (args, options) => JSON.parse((await run([...args, "--json"], options)) || "null");
const lines = async (args) =>
  (await run([...args, "--json"]))
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));

// What a commit's id names never changes, so answers about it are kept.
const kept = new Map();
function once(key, make) {
  if (!kept.has(key)) {
    if (kept.size > 500) kept.delete(kept.keys().next().value);
    kept.set(
      key,
      make().catch((error) => {
        kept.delete(key);
        throw error;
      }),
    );
  }
  return kept.get(key);
}

async function commitOf(name, ref) {
  if (/^[0-9a-f]{64}$/.test(ref)) return ref;
  const [branches, tags] = await Promise.all([json(["branch", name]), json(["tag", name])]);
  const found = [...branches, ...tags].find((r) => r.name === ref);
  return found?.commit ?? (await lines(["log", `${name}@${ref}`, "-n", "1"]))[0]?.id;
}

/** Every sample that fits; a lake that is looked at in this way is a small one. */
async function samples(name, commit, filter) {
  return once(`samples ${name} ${commit} ${filter}`, () =>
    filter ? lines(["search", `${name}@${commit}`, filter, "--format", "jsonl"]) : lines(["ls", `${name}@${commit}`]),
  );
}

function facetsOf(rows) {
  const out = { total: rows.length, splits: {}, classes: {}, layers: {}, types: {} };
  const add = (group, key, n = 1) => {
    if (key !== undefined && key !== null) group[key] = (group[key] ?? 0) + n;
  };
  for (const row of rows) {
    add(out.splits, row.split);
    for (const [layer, labels] of Object.entries(row.layers ?? {})) {
      add(out.layers, layer, labels.length);
      for (const label of labels) {
        add(out.types, label.type);
        add(out.classes, label.class);
      }
    }
  }
  return out;
}

/** Commits edits by way of a checkout, as a person would. Labels that changed since are a conflict. */
async function commitEdits(name, { branch, base, message, patches }) {
  const folder = mkdtempSync(join(scratch, "edit-"));
  try {
    const root = join(folder, "work");
    await run(["checkout", `${name}@${branch}`, root]);
    const file = join(root, "samples.jsonl");
    const same = (a, b) => canonical(a) === canonical(b);
    const edited = readFileSync(file, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => {
        const sample = JSON.parse(line);
        const patch = patches[sample.path];
        if (!patch) return line;
        for (const { layer, id, before, after } of patch) {
          const labels = sample.layers[layer] ?? [];
          const there = labels.find((label) => label.id === id);
          if (!same(there, before)) {
            throw new Refused(
              409,
              "draft.conflict",
              `label ${id} of ${sample.path} was changed on ${branch} since ${base.slice(0, 12)}`,
              "discard the draft, or edit a branch of your own",
            );
          }
          sample.layers[layer] = [...labels.filter((label) => label.id !== id), ...(after ? [after] : [])];
        }
        return JSON.stringify(sample);
      });
    writeFileSync(file, `${edited.join("\n")}\n`);
    return await json(["commit", "-m", message], { cwd: root });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** JSON with its keys in order and absent values left out. */
function canonical(value) {
  return JSON.stringify(value, (_, v) =>
    v && typeof v === "object" && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  );
}

const jobs = [];
function job(what, work) {
  const entry = { id: String(jobs.length + 1), what, state: "running", started: Date.now() * 1000 };
  jobs.unshift(entry);
  work().then(
    (result) => Object.assign(entry, { state: "done", result, ended: Date.now() * 1000 }),
    (error) => Object.assign(entry, { state: "failed", error: error.message, ended: Date.now() * 1000 }),
  );
  return entry;
}

async function media(name, commit, path, kind, size) {
  return once(`${kind} ${name} ${commit} ${path} ${size}`, async () => {
    const file = join(scratch, `${kind}-${Math.random().toString(36).slice(2)}${kind === "preview" ? ".jpg" : ""}`);
    await run([
      "show",
      `${name}@${commit}:${path}`,
      `--${kind}`,
      file,
      ...(kind === "preview" ? ["--size", size ?? "256"] : []),
    ]);
    const bytes = readFileSync(file);
    rmSync(file, { force: true });
    return bytes;
  });
}

const routes = {
  "GET stats": (name, q) =>
    commitOf(name, q.ref).then((c) => once(`stats ${name} ${c}`, () => json(["stats", `${name}@${c}`]))),
  // The program prints no ontology; this is what the counts tell of it.
  "GET ontology": async (name, q) => {
    const types = {};
    const { layers } = await routes["GET stats"](name, q);
    for (const layer of Object.values(layers)) {
      for (const [type, classes] of Object.entries(layer.types_classes ?? {})) {
        types[type] ??= { classes: [] };
        const known = types[type].classes;
        for (const value of Object.keys(classes)) if (!known.some((c) => c.name === value)) known.push({ name: value });
      }
    }
    return { types };
  },
  "GET branches": (name) => json(["branch", name]),
  "GET tags": (name) => json(["tag", name]),
  "GET log": (name, q) => lines(["log", `${name}@${q.ref}`, "-n", q.limit ?? "100"]),
  "GET operations": (name) => json(["oplog", name]),
  "POST undo": (name) => json(["undo", name]),
  "GET sample": async (name, q) => json(["show", `${name}@${await commitOf(name, q.ref)}:${q.path}`]),
  "GET samples": async (name, q) => {
    const commit = await commitOf(name, q.ref);
    const rows = await samples(name, commit, q.filter ?? "");
    const from = Number(q.from ?? 0);
    return { total: rows.length, commit, rows: rows.slice(from, from + Number(q.count ?? 512)) };
  },
  "GET facets": async (name, q) => {
    const commit = await commitOf(name, q.ref);
    return { commit, ...facetsOf(await samples(name, commit, q.filter ?? "")) };
  },
  "GET diff": (name, q) => lines(["diff", name, q.from, q.to]),
  "GET diff/stat": (name, q) => json(["diff", name, q.from, q.to, "--stat"]),
  "POST edits": (name, _, body) => commitEdits(name, body),
  "GET merging": (name, q) => json(["conflicts", name, "--into", q.into ?? "main"]),
  "POST merge": (name, _, body) => json(["merge", name, body.source, "--into", body.into], { allowed: [4] }),
  "POST merge/continue": async (name, _, body) => {
    await run(["merge", name, "--continue", "--into", body.into]);
    return { outcome: "merged", commit: await commitOf(name, body.into), conflicts: 0 };
  },
  "POST merge/abort": (name, _, body) => run(["merge", name, "--abort", "--into", body.into]).then(() => ({})),
  "POST merge/resolve": (name, _, body) =>
    json([
      "resolve",
      name,
      body.path,
      "--with",
      body.with,
      "--into",
      body.into,
      ...(body.label === undefined ? [] : ["--label", String(body.label)]),
    ]),
  "GET eval": (name, q) => json(["eval", `${name}@${q.ref}`, "--layer", q.layer, "--overlap", q.overlap ?? "0.5"]),
};
const outside = {
  "GET /datasets": () => json(["ls"]),
  "GET /jobs": async () => jobs,
  "GET /formats": () => json(["formats"]),
  "POST /import": async (_, body) => {
    const args = [
      "import",
      body.source,
      ...(body.dataset ? [body.dataset] : []),
      ...(body.format ? ["--format", body.format] : []),
    ];
    return body.dryRun ? json([...args, "--dry-run"]) : job(`import ${body.source}`, () => json(args));
  },
};

const TYPES = {
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".html": "text/html; charset=utf-8",
  ".woff2": "font/woff2",
};
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; media-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

function sniff(bytes) {
  const head = bytes.subarray(0, 12).toString("latin1");
  if (head.startsWith("\xff\xd8")) return "image/jpeg";
  if (head.startsWith("\x89PNG")) return "image/png";
  if (head.startsWith("GIF8")) return "image/gif";
  if (head.slice(8, 12) === "WEBP") return "image/webp";
  if (head.slice(8, 12) === "WAVE") return "audio/wav";
  if (head.slice(4, 8) === "ftyp") return "video/mp4";
  if (head.startsWith("\x1a\x45\xdf\xa3")) return "video/webm";
  return "application/octet-stream";
}

/** The bytes that a player asks for, so that it can seek. */
function part(request, bytes) {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  if (from === undefined || Number(from) >= bytes.length) return [200, bytes, { "accept-ranges": "bytes" }];
  const end = Math.min(bytes.length, to ? Number(to) + 1 : bytes.length);
  const headers = { "accept-ranges": "bytes", "content-range": `bytes ${from}-${end - 1}/${bytes.length}` };
  return [206, bytes.subarray(Number(from), end), headers];
}

async function answer(request, response) {
  const address = new URL(request.url, "http://localhost");
  const q = Object.fromEntries(address.searchParams);
  const send = (status, body, type = "application/json", headers = {}) => {
    response.writeHead(status, {
      "content-type": type,
      "content-length": body.length,
      "x-content-type-options": "nosniff",
      ...headers,
    });
    response.end(body);
  };
  if (!address.pathname.startsWith("/api/")) {
    const path = normalize(decodeURIComponent(address.pathname));
    const file =
      path !== "/" && existsSync(join(dist, path)) && statSync(join(dist, path)).isFile()
        ? join(dist, path)
        : join(dist, "index.html");
    response.writeHead(200, {
      "content-type": TYPES[extname(file)] ?? "application/octet-stream",
      "content-security-policy": POLICY,
      "x-content-type-options": "nosniff",
    });
    return createReadStream(file).pipe(response);
  }
  try {
    const path = address.pathname.slice("/api/v1".length);
    let body;
    if (request.method === "POST") {
      if (request.headers["content-type"] !== "application/json")
        throw new Refused(415, "http.type", "a request's body must be JSON");
      let text = "";
      for await (const part of request) text += part;
      body = JSON.parse(text);
    }
    const found = /^\/datasets\/([^/]+)\/([^/]+)\/(.+)$/.exec(path);
    if (found) {
      const [org, own] = [decodeURIComponent(found[1]), decodeURIComponent(found[2])];
      const name = org === "~" ? own : `${org}/${own}`;
      if (found[3] === "media" || found[3] === "preview") {
        const bytes = await media(name, await commitOf(name, q.ref), q.path, found[3], q.size);
        const kept = q.v ? { "cache-control": "private, max-age=31536000, immutable" } : {};
        const [status, body, headers] = part(request, bytes);
        return send(status, body, sniff(bytes), { ...kept, ...headers });
      }
      const route = routes[`${request.method} ${found[3]}`];
      if (route) return send(200, Buffer.from(JSON.stringify(await route(name, q, body))));
    }
    const route = outside[`${request.method} ${path}`];
    if (!route) throw new Refused(404, "http.not_found", `there is nothing at ${path}`);
    send(200, Buffer.from(JSON.stringify(await route(q, body))));
  } catch (error) {
    const { status = 500, code = "engine", message, hint } = error;
    send(status, Buffer.from(JSON.stringify({ error: { code, message, hint } })));
  }
}

createServer(answer).listen(Number(port), "127.0.0.1", function listening() {
  console.log(`http://127.0.0.1:${this.address().port}`);
});
