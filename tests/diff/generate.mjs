// Random cases from a seed: FORMAT.md, "Case"; what is left out: README.md.
import { makeGraph } from "./generate/graph.mjs";
import { Random } from "./generate/random.mjs";
import { makeScript } from "./generate/script.mjs";
import { makeSteps } from "./generate/steps.mjs";

export const FEATURES = [
  "plain", "join", "switch", "loop", "send", "command", "defer", "overwrite", "custom", "null", // graphs
  "retry", "fail", "interrupt", "breakpoint", "state", "update", "fork", "input", "durability", // runs
  "limit", "concurrency", "conflict", "subgraph", "parent", "handler", "persistence",
];

// Which of the features a case uses: plain always, of the others some.
function pickFeatures(random, allowed) {
  const chosen = new Set(["plain"]);
  const share = allowed.length > 6 ? 0.35 : 0.7; // few are mixed more
  for (const feature of allowed) if (random.chance(share)) chosen.add(feature);
  if (chosen.has("conflict") && !random.chance(0.2)) chosen.delete("conflict");
  if (chosen.has("conflict")) for (const other of ["interrupt", "fail", "update", "fork", "input", "breakpoint", "state"]) chosen.delete(other);
  if (chosen.has("fail")) chosen.delete("concurrency"); // the reference takes tasks not started yet for done
  if (chosen.has("limit")) chosen.delete("subgraph"); // a child that fails so would cancel its siblings at any moment
  return chosen;
}

export function makeCase(seed, index, allowed = FEATURES) {
  const random = new Random(`${seed}/${index}`);
  const features = pickFeatures(random, allowed);
  const plan = makeGraph(random, features, { depth: 0, prefix: "" });
  const script = {};
  makeScript(random, features, plan, script);
  const steps = makeSteps(random, features, plan);
  return { name: `s${seed}-${index}`, seed, features: [...features], graph: plan.graph, script, steps };
}

// The same case with other sleeps: law 1, schedule independence.
export function reshuffle(testCase, seed) {
  const random = new Random(`sleep/${seed}/${testCase.name}`);
  const copy = structuredClone(testCase);
  for (const visits of Object.values(copy.script)) {
    for (const visit of visits) for (const action of visit) if ("sleep_ms" in action) action.sleep_ms = random.int(0, 5);
  }
  return copy;
}
