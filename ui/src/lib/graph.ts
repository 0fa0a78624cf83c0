/** Lanes for a graph of commits that are given children first. O(commits × lanes). */
export interface Graph {
  /** The lane of each commit. */
  lane: number[];
  edges: { from: number; to: number; fromLane: number; toLane: number }[];
  lanes: number;
}

export function graph(commits: readonly { id: string; parents: readonly string[] }[]): Graph {
  const row = new Map(commits.map((commit, i) => [commit.id, i]));
  /** What each lane waits for. */
  const waiting: (string | undefined)[] = [];
  const lane: number[] = [];
  const free = () => {
    const at = waiting.indexOf(undefined);
    return at < 0 ? waiting.length : at;
  };
  commits.forEach((commit, i) => {
    let mine = waiting.indexOf(commit.id);
    if (mine < 0) mine = free();
    lane[i] = mine;
    waiting.forEach((id, k) => {
      if (id === commit.id) waiting[k] = undefined;
    });
    waiting[mine] = undefined;
    commit.parents
      .filter((parent) => row.has(parent))
      .forEach((parent, k) => {
        if (waiting.includes(parent)) return;
        waiting[k === 0 ? mine : free()] = parent;
      });
  });
  const edges = commits.flatMap((commit, from) =>
    commit.parents.flatMap((parent) => {
      const to = row.get(parent);
      return to === undefined ? [] : [{ from, to, fromLane: lane[from]!, toLane: lane[to]! }];
    }),
  );
  return { lane, edges, lanes: Math.max(0, ...lane) + 1 };
}
