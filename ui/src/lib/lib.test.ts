import { describe, expect, it } from "vitest";
import { complete, hasTerm, quoted, terms, toggleTerm } from "./filter";
import { ago, bytes, middle, person } from "./format";
import { graph } from "./graph";
import { en } from "./i18n/en";
import { say } from "./i18n/say";
import { zh } from "./i18n/zh";
import { shownKeys } from "./keys";

describe("filters", () => {
  it("quotes what needs it", () => {
    expect(quoted("car")).toBe("car");
    expect(quoted("traffic light")).toBe('"traffic light"');
    expect(quoted('a"b')).toBe('"a\\"b"');
    expect(quoted("巴士")).toBe("巴士");
    expect(quoted("OR")).toBe('"OR"');
    expect(quoted("1..3")).toBe('"1..3"');
  });

  it("splits at blanks outside quotes and brackets", () => {
    expect(terms('split:val [class:bus conf<0.4] class:"traffic light"  -night')).toEqual([
      "split:val",
      "[class:bus conf<0.4]",
      'class:"traffic light"',
      "-night",
    ]);
    expect(terms('a\\ b "c')).toEqual(["a\\ b", '"c']);
  });

  it("puts terms in and takes them out, one of a key", () => {
    const one = toggleTerm("conf<0.4", "class", "traffic light");
    expect(one).toBe('conf<0.4 class:"traffic light"');
    expect(hasTerm(one, "class", "traffic light")).toBe(true);
    expect(toggleTerm(one, "class", "car")).toBe("conf<0.4 class:car");
    expect(toggleTerm(one, "class", "traffic light")).toBe("conf<0.4");
  });

  it("completes keys, and values by key", () => {
    const values = { class: ["car", "traffic light", "cargo"] };
    expect(complete("cl", 2, values).map((c) => c.text)).toEqual(["class:"]);
    expect(complete("split:val -class:car", 20, values)).toEqual([{ text: "class:cargo", from: 11 }]);
    expect(complete('class:car,"tra', 14, values)[0]).toEqual({ text: 'class:car,"traffic light"', from: 0 });
    expect(complete("", 0, values)).toEqual([]);
  });
});

describe("formats", () => {
  it("sizes have three digits", () => {
    expect([0, 999, 1000, 7575393, 999_600, 1e15].map(bytes)).toEqual([
      "0 B",
      "999 B",
      "1 kB",
      "7.58 MB",
      "1 MB",
      "1 PB",
    ]);
  });

  it("times, paths and people", () => {
    expect(ago(0, "en", 3_600_000)).toBe("1 hour ago");
    expect(middle("train/a/very/long/path/0001.jpg", 12)).toHaveLength(12);
    expect(middle("train/a/very/long/path/0001.jpg", 12).endsWith("01.jpg")).toBe(true);
    expect(person("Ann <a@example.org>")).toBe("Ann");
  });
});

describe("words", () => {
  it("every word has Chinese, with the same parts to fill in", () => {
    const parts = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();
    for (const key of Object.keys(en) as (keyof typeof en)[]) {
      expect(zh[key], key).toBeTruthy();
      expect(parts(zh[key]), key).toEqual(parts(en[key]));
    }
  });

  it("fills parts in", () => {
    expect(say(en, "mergeInto", { source: "fix", branch: "main" })).toBe("Merge fix into main");
  });
});

describe("graph of commits", () => {
  it("gives a merge two lanes and every edge its ends", () => {
    const commits = [
      { id: "m", parents: ["a2", "b1"] },
      { id: "a2", parents: ["a1"] },
      { id: "b1", parents: ["a1"] },
      { id: "a1", parents: ["gone"] },
    ];
    const { lane, edges, lanes } = graph(commits);
    expect(lanes).toBe(2);
    expect(lane).toEqual([0, 0, 1, 0]);
    expect(edges).toHaveLength(4);
    for (const edge of edges) expect(edge.to).toBeGreaterThan(edge.from);
  });
});

describe("keys", () => {
  it("are shown one by one, also the plus", () => {
    expect(["+", "mod+k", "mod+shift+z", "shift+ArrowLeft", "?"].map(shownKeys)).toEqual([
      "+",
      "Ctrl K",
      "Ctrl ⇧ Z",
      "⇧ ←",
      "?",
    ]);
  });
});
