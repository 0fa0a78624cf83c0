// The way of a person through the UI, on a real lake: look, filter, draw, commit, compare, decide conflicts.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { world } from "./setup.mjs";

let it;
before(async () => {
  it = await world();
});
after(() => it?.close());

const dataset = "/d/acme/street";
const open = async (path) => {
  await it.page.goto(it.base + path);
  await it.page.waitForLoadState("networkidle");
};
const sampleAddress = (path) => `${dataset}/sample?path=${encodeURIComponent(path)}&at=0`;
const labelsOf = (path) => it.json(["show", `acme/street:${path}`]).sample.layers.truth;
const noFault = () => assert.deepEqual(it.wrong.splice(0), []);
const firstPath = () => it.run(["ls", "acme/street", "-n", "1"]).trim().split(/\s/)[0];

/** Where a share of the stage is on the screen. */
async function stageBox() {
  const box = await it.page.locator("[role=application]").boundingBox();
  return (x, y) => [box.x + box.width * x, box.y + box.height * y];
}
async function commitDraft(message) {
  await it.page.getByRole("button", { name: "Commit…" }).first().click();
  await it.page.getByLabel("Message").fill(message);
  await it.page.keyboard.press("Enter");
  await it.page.getByRole("dialog").waitFor({ state: "detached" });
}

test("the list leads to the overview, with the counts that the program prints", async () => {
  await open("/");
  await it.page.getByRole("link", { name: "acme/street" }).click();
  const stats = it.json(["stats", "acme/street"]);
  await it.page.getByRole("heading", { name: "acme/street" }).waitFor();
  const text = await it.page.locator("main").textContent();
  assert.ok(text.includes(stats.samples.toLocaleString("en")));
  assert.ok(text.includes(stats.annotations.toLocaleString("en")));
  for (const name of Object.keys(stats.classes)) assert.ok(text.includes(name), name);
  noFault();
});

test("a dataset without an organisation has pages too", async () => {
  await open("/");
  await it.page.getByRole("link", { name: "alone" }).click();
  await it.page.getByRole("heading", { name: "alone" }).waitFor();
  await it.page.getByRole("link", { name: "Explore" }).first().click();
  await it.page.locator(".grid-tile img.is-there").first().waitFor();
  noFault();
});

test("the grid is walked, selected and opened by keys", async () => {
  await open(`${dataset}/explore`);
  await it.page.locator(".grid-tile img.is-there").first().waitFor();
  const grid = it.page.getByRole("listbox", { name: "Samples" });
  await grid.focus();
  await it.page.keyboard.press("Shift+ArrowRight");
  await it.page.keyboard.press("Shift+ArrowDown");
  assert.ok((await it.page.locator(".grid-tile.is-selected").count()) > 2);
  await it.page.keyboard.press("Control+a");
  await it.page.getByText("240 selected").waitFor();
  await it.page.keyboard.press("Escape");
  await it.page.locator(".grid-tile.is-selected").first().waitFor({ state: "detached" });
  await it.page.keyboard.press("End");
  await it.page.locator("#tile-239").waitFor();
  await it.page.keyboard.press("Enter");
  // The address changes before the page does.
  await it.page.getByRole("application").waitFor();
  await it.page.getByText("240 of 240").waitFor();
  await it.page.keyboard.press("Escape");
  await it.page.locator("#tile-239").waitFor();
  noFault();
});

test("a filter is completed and narrows; a wrong one says why", async (t) => {
  try {
    it.run(["search", "acme/street", "class:bus", "--count"]);
  } catch {
    return t.skip("this program has no `search`");
  }
  await open(`${dataset}/explore`);
  await it.page.keyboard.press("/");
  await it.page.keyboard.type("class:bu");
  await it.page.keyboard.press("Tab");
  await it.page.keyboard.press("Enter");
  const want = Number(it.run(["search", "acme/street", "class:bus", "--count"]).trim());
  await it.page.locator("footer").getByText(`${want} samples`).waitFor();
  assert.match(it.page.url(), /q=class(:|%3A)bus/);
  await open(`${dataset}/explore?q=class:buss`);
  await it.page.getByRole("alert").getByText(/buss/).waitFor();
  it.wrong.splice(0);
});

test("every kind of shape is drawn, survives a reload, and is committed", async () => {
  const path = firstPath();
  const old = labelsOf(path).length;
  await open(sampleAddress(path));
  await it.page.locator("canvas").first().waitFor();
  await it.page.waitForTimeout(400);
  const at = await stageBox();
  const { mouse, keyboard } = it.page;
  const click = (x, y) => mouse.click(...at(x, y));
  await it.page.locator("[role=application]").focus();

  await keyboard.press("b");
  await mouse.move(...at(0.2, 0.2));
  await mouse.down();
  await mouse.move(...at(0.3, 0.3), { steps: 4 });
  await mouse.up();
  await keyboard.press("r");
  for (const p of [
    [0.4, 0.2],
    [0.5, 0.25],
    [0.48, 0.35],
  ])
    await click(...p);
  await keyboard.press("p");
  for (const p of [
    [0.6, 0.2],
    [0.7, 0.22],
    [0.65, 0.35],
  ])
    await click(...p);
  await keyboard.press("Enter");
  await keyboard.press("l");
  for (const p of [
    [0.2, 0.5],
    [0.3, 0.6],
    [0.4, 0.5],
  ])
    await click(...p);
  await keyboard.press("Enter");
  await keyboard.press("k");
  for (const p of [
    [0.55, 0.5],
    [0.6, 0.55],
  ])
    await click(...p);
  await keyboard.press("Enter");
  await keyboard.press("Escape");
  await keyboard.press("m");
  await mouse.move(...at(0.7, 0.6));
  await mouse.down();
  await mouse.move(...at(0.75, 0.65), { steps: 4 });
  await mouse.up();
  // One more, taken back.
  await keyboard.press("Escape");
  await keyboard.press("b");
  await click(0.8, 0.8);
  await click(0.85, 0.85);
  await keyboard.press("Control+z");

  const panel = it.page.getByRole("complementary", { name: "Labels" });
  await panel.getByText("Saved in the draft").waitFor();
  await it.page.waitForTimeout(200);
  await it.page.reload();
  await panel.getByText("Saved in the draft").waitFor();
  await commitDraft("draw one of each");
  const types = labelsOf(path)
    .slice(old)
    .map((label) => label.type)
    .sort();
  assert.deepEqual(types, ["box2d", "keypoints", "polygon", "polyline", "rle", "rotated_box"]);
  noFault();
});

test("a label is moved, classified and deleted by keys", async () => {
  const path = firstPath();
  const before = labelsOf(path);
  await open(sampleAddress(path));
  await it.page.waitForTimeout(400);
  await it.page.locator("[role=application]").focus();
  await it.page.keyboard.press("Tab");
  await it.page.keyboard.press("Shift+ArrowRight");
  await it.page.keyboard.press("Shift+ArrowRight");
  await it.page.keyboard.press("1");
  await it.page.keyboard.press("Tab");
  await it.page.keyboard.press("Delete");
  await commitDraft("move, classify, delete");
  const now = labelsOf(path);
  assert.equal(now.length, before.length - 1);
  const moved = now.find((label) => label.id === before[0].id);
  assert.notDeepEqual(moved.shape, before[0].shape);
  assert.ok(!now.some((label) => label.id === before[1].id));
  noFault();
});

test("a misspelt class is mended in all samples at once", async () => {
  assert.ok(it.json(["stats", "acme/street"]).classes["trafic light"] > 0);
  await open(`${dataset}/explore`);
  await it.page.getByRole("listbox", { name: "Samples" }).focus();
  await it.page.keyboard.press("Control+a");
  await it.page.getByRole("button", { name: /Edit the selection/ }).click();
  await it.page.getByLabel("Labels · Class").selectOption("trafic light");
  await it.page.getByLabel("Set class").fill("traffic light");
  await it.page.getByRole("button", { name: "Apply" }).click();
  await commitDraft("spell traffic light");
  assert.equal(it.json(["stats", "acme/street"]).classes["trafic light"], undefined);
  noFault();
});

test("two commits are compared, with the change named", async () => {
  const [now, parent] = it
    .run(["log", "acme/street", "-n", "3", "--json"])
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).id);
  await open(`${dataset}/compare?from=${parent}&to=${now}`);
  await it.page
    .getByText(/trafic light → traffic light/)
    .first()
    .waitFor();
  noFault();
});

test("a conflict is decided by one key and the merge finished", async () => {
  it.run(["branch", "acme/street", "fix"]);
  const recolour = (name) => {
    let done = false;
    return (sample) => {
      const car = sample.layers.truth?.find((label) => label.class === "car");
      if (!done && car) {
        car.class = name;
        done = true;
      }
    };
  };
  it.edit("fix", "a bus", recolour("bus"));
  it.edit("main", "a truck", recolour("truck"));
  const buses = it.json(["stats", "acme/street"]).classes.bus;
  await open(`${dataset}/merge`);
  await it.page.getByRole("button", { name: "Merge fix into main" }).click();
  await it.page.getByText("1 open").waitFor();
  await it.page.getByText("class car → bus").waitFor();
  await it.page.keyboard.press("2");
  await it.page.getByText("0 open").waitFor();
  await it.page.keyboard.press("Control+Enter");
  await it.page.getByText("No merge is waiting").waitFor();
  assert.equal(it.json(["stats", "acme/street"]).classes.bus, buses + 1);
  noFault();
});

test("a server that goes away in mid-edit loses nothing", async () => {
  const path = firstPath();
  await open(sampleAddress(path));
  await it.page.waitForTimeout(400);
  await it.page.route("**/api/**", (route) => route.abort());
  await it.page.locator("[role=application]").focus();
  await it.page.keyboard.press("Tab");
  await it.page.keyboard.press("Delete");
  await it.page.getByRole("button", { name: "Commit…" }).click();
  await it.page.getByLabel("Message").fill("while away");
  await it.page.keyboard.press("Enter");
  await it.page.getByText("the server does not answer").waitFor();
  await it.page.unroute("**/api/**");
  const before = labelsOf(path).length;
  await it.page.keyboard.press("Escape");
  await commitDraft("back again");
  assert.equal(labelsOf(path).length, before - 1);
  it.wrong.splice(0);
});

test("Chinese, both themes, the palette and the list of keys", async () => {
  await open(dataset);
  await it.page.getByRole("button", { name: "中文" }).click();
  await it.page.getByRole("link", { name: "浏览" }).first().waitFor();
  await it.page.getByRole("button", { name: "English" }).click();
  await it.page.keyboard.press("?");
  await it.page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await it.page.keyboard.press("Escape");
  await it.page.getByRole("dialog").waitFor({ state: "detached" });
  await it.page.keyboard.press("Control+k");
  await it.page.getByRole("combobox").waitFor();
  await it.page.keyboard.type("hist");
  await it.page.keyboard.press("Enter");
  await it.page.waitForURL(/history/);
  noFault();
});

test("axe finds nothing serious on any page, in either theme", async () => {
  const axe = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
  const pages = [
    "/",
    dataset,
    `${dataset}/explore`,
    `${dataset}/explore?view=table`,
    sampleAddress(firstPath()),
    `${dataset}/history`,
    `${dataset}/compare`,
    `${dataset}/merge`,
    `${dataset}/eval`,
    "/import",
    "/jobs",
    "/settings",
  ];
  const found = [];
  for (const theme of ["dark", "light"]) {
    await it.page.evaluate(
      (t) => localStorage.setItem("tamis.settings", JSON.stringify({ theme: t, language: "en" })),
      theme,
    );
    for (const path of pages) {
      await open(path);
      // The test reaches into the page by the debugger, which the content security policy does not bind.
      await it.page.evaluate(`${axe};0`);
      const result = await it.page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
      for (const v of result.violations) {
        if (["serious", "critical"].includes(v.impact))
          found.push(
            `${theme} ${path}: ${v.id} ${v.nodes
              .slice(0, 3)
              .map((n) => n.html.slice(0, 160))
              .join(" | ")}`,
          );
      }
    }
  }
  assert.deepEqual(found, []);
  noFault();
});
