// What the nodes of a plan do, visit by visit.
import { countField, itemsField, ownField } from "./graph.mjs";

const MAX_PACKETS = 12;

function items(random) {
  const count = random.chance(0.1) ? MAX_PACKETS : random.int(0, 4);
  return Array.from({ length: count }, (_, i) => random.pick([i, `i${i}`, { id: i }]));
}

// The part of the update that any number of tasks may write in a step.
function shared(random, features, node, visit) {
  const update = {};
  const item = node.isMany ? { $input: "item" } : visit;
  if (random.chance(0.7)) update.log = [`${node.path}.${visit}`, ...(node.isMany ? [item] : [])];
  if (random.chance(0.4)) update.count = random.int(1, 5);
  if (random.chance(0.3)) update.bag = { [node.name]: item };
  if (node.overwrites && random.chance(0.4)) update.log = { __overwrite__: random.chance(0.2) ? [] : [`over ${node.path}`] };
  return update;
}

function own(random, node, visit, plan) {
  const update = {};
  if (node.choice) update[ownField(node)] = random.pick(["go", "go", 3, "elsewhere"]);
  else if (random.chance(0.4)) update[ownField(node)] = random.pick([`v${visit}`, visit, true, null, { deep: [visit] }]);
  if (node.sends) update[itemsField(node)] = items(random);
  if (node.loop) update[countField(node)] = 1;
  if (plan.outField && random.chance(0.5) && node === plan.outWriter) update[plan.outField] = `out ${node.path}.${visit}`;
  return update;
}

function gotos(random, node, visit, plan) {
  const out = node.gotos.filter(() => random.chance(0.8)).map((name) => {
    const target = plan.nodes.find((other) => other.name === name);
    return target.isMany ? { node: name, arg: { item: `cmd${visit}`, log: [] } } : name;
  });
  if (node.loop?.goto && visit < node.loop.rounds) out.push(node.loop.goto);
  return out;
}

function result(random, features, node, visit, plan) {
  const update = { ...shared(random, features, node, visit), ...(node.isMany ? {} : own(random, node, visit, plan)) };
  if (features.has("conflict") && node.path === node.name && random.chance(0.4)) update.w_shared = node.path;
  const goto = gotos(random, node, visit, plan);
  const isNothing = features.has("null") && random.chance(0.15) && !node.choice && !node.sends && !node.loop;
  const actions = [];
  if (!isNothing || goto.length > 0) {
    actions.push({ ...(!isNothing && { update }), ...(goto.length > 0 && { goto }) });
  }
  if (features.has("command") && random.chance(0.1)) actions.push({ update: { log: [`${node.path} again`] } }); // a list of Commands
  return actions;
}

function ensureWrite(actions, node) {
  const first = actions.find((action) => "update" in action);
  if (first === undefined) actions.push({ update: { log: [`${node.path} wrote`] } });
  else if (Object.keys(first.update).length === 0) first.update.log = [`${node.path} wrote`];
  if (node.path !== node.name) actions.find((action) => "update" in action).update.count ??= 1; // what a subgraph shows of its tasks
}

function failure(random, features, node) {
  if (features.has("handler") && node.spec.on_error && random.chance(0.5)) {
    return [{ fail: { error: "Handled", message: "for the handler", times: 9 } }];
  }
  const retry = node.spec.retry;
  if (retry && random.chance(0.6)) {
    const most = retry.max_attempts - (features.has("fail") && !node.isFirm ? 0 : 1);
    if (most < 1) return [];
    const times = random.int(1, most);
    const isLast = times >= retry.max_attempts;
    return [...(isLast && !node.spec.on_error ? [{ alone: true }] : []), { fail: { error: "Flaky", message: "try again", times } }];
  }
  if (features.has("fail") && (!node.isFirm || node.spec.on_error) && random.chance(features.has("subgraph") ? 0.5 : 0.2)) {
    const broken = { fail: { error: random.pick(["Boom", "ValueError"]), message: "it broke" } };
    return node.spec.on_error ? [broken] : [{ alone: true }, broken];
  }
  return [];
}

function questions(random, node, visit) {
  const count = random.chance(0.25) ? 2 : 1;
  return Array.from({ length: count }, (_, k) => ({
    interrupt: node.isMany ? { q: `${node.path}?${k}`, item: { $input: "item" } } : `${node.path}.${visit}?${k}`,
    ...(k === 0 && { into: random.pick(["log", node.isMany ? "log" : ownField(node)]) }),
  }));
}

function visit(random, features, node, index, plan) {
  const actions = [];
  if (random.chance(0.6)) actions.push({ sleep_ms: random.int(0, 5) });
  if (features.has("custom") && random.chance(0.4)) {
    for (let k = 0; k < random.int(1, 2); k++) actions.push({ custom: { by: node.path, ...(node.isMany && { arg: { $input: "item" } }), k } });
  }
  const results = result(random, features, node, index, plan);
  const broken = failure(random, features, node);
  const asked = broken.length === 0 && features.has("interrupt") && !node.choice && !node.isSilent && random.chance(0.25) ? questions(random, node, index) : [];
  if (broken.length > 0 || asked.length > 0) ensureWrite(results, node);
  return [...actions, ...asked, ...broken, ...results];
}

const leaves = (plan) => plan.nodes.flatMap((node) => (node.child ? leaves(node.child) : [node]));

// With subgraphs one node only may break the run: a second one that waits inside a subgraph to fail is not cancelled by the reference (README.md).
function chooseFragile(random, plan) {
  const all = leaves(plan);
  const fragile = random.pick(all.filter((node) => !node.isMany));
  for (const node of all) node.isFirm = node !== fragile;
}

// The gotos of a Command for the parent.
function upwards(random, plan) {
  if (plan.behind.length === 0 || random.chance(0.4)) return {};
  const to = random.pick(plan.behind);
  return { goto: [to.isMany ? { node: to.name, arg: { item: "up", log: [] } } : to.name] };
}

// Inside of subgraphs one visit each: their nodes may run for several parents at once.
export function makeScript(random, features, plan, script, isInner = false) {
  if (features.has("subgraph") && !isInner) chooseFragile(random, plan);
  const mayGoUp = plan.outWriter && !plan.outWriter.spec.on_error && !plan.hasOneThread;
  const goesUp = features.has("parent") && mayGoUp && random.chance(0.5);
  if (goesUp) for (const node of leaves(plan)) node.isSilent = true; // a question beside a Command for the parent: README.md
  for (const node of plan.nodes) {
    if (node.child) {
      node.child.outField = ownField(node);
      node.child.hasOneThread = node.spec.persistence === "thread";
      node.child.behind = plan.nodes.slice(node.index + 1);
      node.child.outWriter = random.pick(node.child.nodes.filter((inner) => !inner.child && !inner.isMany)) ?? null;
      makeScript(random, features, node.child, script, true);
      continue;
    }
    const count = node.loop?.goto ? node.loop.rounds + 1 : isInner ? 1 : random.int(1, 3);
    script[node.path] = Array.from({ length: count }, (_, index) => visit(random, features, node, index, plan));
    if (node.spec.on_error) script[`${node.path}!`] = [[{ update: { log: [`${node.path} handled`] } }]];
  }
  if (goesUp) script[plan.outWriter.path] = [[{ update: { log: [`${plan.outWriter.path} up`] }, parent: true, ...upwards(random, plan) }]];
  if (features.has("conflict") && !isInner) plan.graph.state.w_shared = { type: "string" };
}
