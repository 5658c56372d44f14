/*
 * A random graph and the plan of it, which the script and the steps are made from:
 *   nodes: [{name, path, isMany, sends, choice, gotos, child, ...}] in an order in which every way from __start__ leads forward, but for loops.
 * Every node has a field of its own, w_<name>, that only it writes. Fields that all write have reducers.
 */
const NAMES = ["a", "b", "c", "n1", "n2", "n3", "n10", "n11", "n20", "Zed", "alpha", "beta2", "x-y", "step_1"];
const MAX_ROUNDS = 3;

export const ownField = (node) => `w_${node.name}`;
export const itemsField = (node) => `items_${node.name}`;
export const countField = (node) => `rounds_${node.name}`;

function makeNodes(random, features, { depth, prefix }) {
  const count = depth > 0 ? random.int(1, 3) : random.int(2, 8);
  return random.some(NAMES, count).map((name, index) => ({
    name, index, path: prefix + name, isMany: false, spec: { kind: "script" }, gotos: [], sends: null, choice: null, loop: null, child: null,
  }));
}

// One way to each node from one before it (or from __start__), of a random kind.
const WAYS = {
  plain: (plan, from, to) => {
    const edge = [from?.name ?? "__start__", to.name];
    if (!plan.edges.some((old) => JSON.stringify(old) === JSON.stringify(edge))) plan.edges.push(edge);
  },
  join: (plan, from, to, random) => {
    const sources = random.some(plan.nodes.slice(0, to.index), random.int(2, 3));
    if (sources.length < 2 || sources.some((node) => node.isMany)) return WAYS.plain(plan, from, to);
    return plan.edges.push([sources.map((node) => node.name), to.name]);
  },
  switch: (plan, from, to, random) => {
    if (from === null) return plan.edges.push({ from: "__start__", switch: "count", cases: { "1": "__end__", "2": to.name }, default: to.name });
    if (from.isMany || from.choice) return WAYS.plain(plan, from, to);
    const other = random.pick(["__end__", ...plan.nodes.slice(from.index + 1).map((node) => node.name)]);
    from.choice = { to: to.name, other };
    return plan.edges.push({ from: from.name, switch: ownField(from), cases: { go: to.name, "3": other }, default: "__end__" });
  },
  send: (plan, from, to) => {
    if (from === null || from.sends || from.isMany || to.child) return WAYS.plain(plan, from, to);
    from.sends = { to: to.name };
    to.isMany = true;
    return plan.edges.push({ from: from.name, each: itemsField(from), as: "item", send: to.name, ...(to.index % 2 === 0 && { index: "pos" }) });
  },
  command: (plan, from, to, random) => {
    if (from === null || from.child || from.isMany) return WAYS.plain(plan, from, to);
    if (!to.child && random.chance(0.4)) to.isMany = true; // then by Sends
    from.gotos.push(to.name);
    from.spec.ends = [...(from.spec.ends ?? []), to.name];
    return null;
  },
};

function addWays(random, features, plan) {
  const kinds = ["plain", "plain", ...["join", "switch", "send", "command"].filter((kind) => features.has(kind))];
  for (const node of plan.nodes) {
    const from = node.index === 0 || random.chance(0.15) ? null : plan.nodes[random.int(0, node.index - 1)];
    WAYS[random.pick(kinds)](plan, from, node, random);
    if (node.index > 1 && random.chance(0.3)) WAYS.plain(plan, plan.nodes[random.int(0, node.index - 1)], node);
  }
}

// Plain edges of a node as one, in the short form.
function fannedOut(edges) {
  const isPlain = (edge) => Array.isArray(edge) && edge.every((end) => typeof end === "string");
  const sources = new Set(edges.filter(isPlain).map(([from]) => from));
  const fans = [...sources].map((from) => [from, edges.filter((edge) => isPlain(edge) && edge[0] === from).map(([, to]) => to)]);
  return [...fans, ...edges.filter((edge) => !isPlain(edge))];
}

// A way back, taken a few times: by a counter in the state, or by what the node says at each visit.
function addLoop(random, plan) {
  const late = random.pick(plan.nodes);
  const early = plan.nodes[random.int(0, late.index)];
  if (late.isMany || late.child) return;
  const rounds = random.int(1, MAX_ROUNDS);
  late.loop = { rounds };
  if (random.chance(0.5)) {
    const cases = Object.fromEntries(Array.from({ length: rounds }, (_, i) => [String(i + 1), early.name]));
    plan.edges.push({ from: late.name, switch: countField(late), cases, default: "__end__" });
  } else {
    late.loop.goto = early.name;
    late.spec.ends = [...(late.spec.ends ?? []), early.name];
  }
}

function addTraits(random, features, plan) {
  // One node only: a second Overwrite in a step is an error, after which the reference's thread is broken (defect 4).
  if (features.has("overwrite")) random.pick([...plan.nodes.filter((node) => !node.isMany), {}]).overwrites = true;
  for (const node of plan.nodes) {
    if (features.has("defer") && random.chance(0.25)) node.spec.defer = true;
    if (features.has("retry") && !node.child && random.chance(0.4)) {
      node.spec.retry = { max_attempts: random.int(1, 4), initial_ms: 1, factor: 2, max_ms: 3, jitter: false, on: ["Flaky"] };
    }
    if (features.has("handler") && !node.child && random.chance(0.4)) node.spec.on_error = { kind: "script" };
  }
  if (!features.has("breakpoint") || !random.chance(0.5)) return;
  const names = plan.nodes.map((node) => node.name);
  plan.graph[random.pick(["interrupt_before", "interrupt_after"])] = random.some(names, random.int(1, 2));
}

function addChildren(random, features, plan, depth) {
  for (const node of plan.nodes) {
    if (!random.chance(0.4)) continue;
    const inner = new Set([...features].filter((feature) => feature !== "subgraph" || random.chance(0.3)));
    const child = makeGraph(random, inner, { depth: depth + 1, prefix: `${node.path}/` });
    node.child = child;
    node.spec = { kind: "graph", graph: child.graph };
    if (features.has("persistence")) node.spec.persistence = random.pick(["invocation", "thread", "none"]);
  }
}

function state(plan) {
  const fields = {
    log: { type: "array", reducer: "append" }, count: { type: "integer", reducer: "add" }, bag: { type: "object", reducer: "merge" },
  };
  for (const node of plan.nodes) {
    fields[ownField(node)] = { type: "any" };
    if (node.sends) fields[itemsField(node)] = { type: "array" };
    if (node.loop) fields[countField(node)] = { type: "integer", reducer: "add" };
    // What a child hands out is its node's own field in the parent.
    if (node.child) Object.assign(node.child.graph.state, { [ownField(node)]: { type: "any" } });
  }
  return fields;
}

export function makeGraph(random, features, { depth, prefix }) {
  const plan = { nodes: makeNodes(random, features, { depth, prefix }), edges: [], graph: { state: {}, nodes: {}, edges: [] } };
  if (features.has("subgraph") && depth < 2) addChildren(random, features, plan, depth);
  addWays(random, features, plan);
  if (features.has("loop")) addLoop(random, plan);
  if (random.chance(0.3)) plan.edges.push([plan.nodes.at(-1).name, "__end__"]);
  if (random.chance(0.2)) plan.edges = fannedOut(plan.edges);
  addTraits(random, features, plan);
  plan.graph.state = state(plan);
  for (const node of plan.nodes) {
    plan.graph.nodes[node.name] = node.spec;
    // A child that hands out shared fields with a reducer doubles them; some do, most hand out one field. One that may stop and go on hands out
    // something in any case: what an earlier attempt left cannot be told from what is pending (README.md).
    const isStopped = features.has("interrupt") || features.has("fail");
    if (node.child) node.child.graph.output = random.chance(0.2) || isStopped ? ["count", ownField(node)] : [ownField(node)];
  }
  plan.graph.edges = plan.edges;
  return plan;
}
