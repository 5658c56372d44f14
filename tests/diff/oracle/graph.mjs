// A graph file as a StateGraph.
import { Annotation, END, Send, START, StateGraph } from "@langchain/langgraph";
import { ScriptError, atPath, scriptNode } from "./script.mjs";

const REDUCERS = {
  append: { zero: () => [], fold: (old, item) => old.concat(Array.isArray(item) ? item : [item]) },
  add: { zero: () => 0, fold: (old, item) => old + item },
  merge: { zero: () => ({}), fold: (old, item) => ({ ...old, ...item }) },
  max: { zero: () => 0, fold: (old, item) => Math.max(old, item) },
  min: { zero: () => 0, fold: (old, item) => Math.min(old, item) },
};

function channel(field) {
  const row = REDUCERS[field.reducer];
  if (row === undefined) return Annotation();
  const zero = "default" in field ? () => structuredClone(field.default) : row.zero;
  return Annotation({ reducer: row.fold, default: zero });
}

const end = (name) => ({ START, END, __start__: START, __end__: END })[name] ?? name;

const byBytes = ([a], [b]) => (a < b ? -1 : a > b ? 1 : 0); // generated names are ASCII

function retryPolicy(retry) {
  return {
    maxAttempts: retry.max_attempts ?? 3,
    initialInterval: retry.initial_ms ?? 500,
    backoffFactor: retry.factor ?? 2,
    maxInterval: retry.max_ms ?? 128000,
    jitter: retry.jitter ?? true,
    logWarning: false,
    ...(retry.on && { retryOn: (e) => retry.on.includes(e.name) }),
  };
}

function addNode(g, name, node, stage, path) {
  const options = {
    ...(node.defer && { defer: true }),
    ...(node.retry && { retryPolicy: retryPolicy(node.retry) }),
    ...(node.ends && { ends: node.ends }),
  };
  if (node.on_error) {
    const handler = scriptNode(stage, `${path}!`);
    options.errorHandler = (state, _error, config) => handler(state, config);
  }
  if (node.kind === "graph") g.addNode(name, compileChild(node, stage, path), options);
  else g.addNode(name, scriptNode(stage, path), options);
}

const PERSISTENCE = { invocation: undefined, thread: true, none: false };

function compileChild(node, stage, path) {
  return buildGraph(node.graph, stage, `${path}/`, PERSISTENCE[node.persistence ?? "invocation"]);
}

const asCase = (value) => (value === undefined || value === null ? "null"
  : typeof value === "object" ? undefined : String(value));

function switchTarget(edge, state) {
  const key = asCase(atPath(state, edge.switch));
  if (key !== undefined && Object.hasOwn(edge.cases, key)) return end(edge.cases[key]);
  if (edge.default === undefined) throw new ScriptError("SwitchError", `no case for ${key}`);
  return end(edge.default);
}

function sends(edge, state) {
  const items = atPath(state, edge.each) ?? [];
  return items.map((item, i) => new Send(edge.send, { [edge.as]: item, ...(edge.index && { [edge.index]: i }) }));
}

function addEdge(g, edge) {
  if (Array.isArray(edge[0])) g.addEdge(edge[0], end(edge[1]));
  else for (const to of [edge[1]].flat()) g.addEdge(end(edge[0]), end(to));
}

// All of a node's switches and sends in one: the reference wants a name for each.
function addChoices(g, edges) {
  for (const from of new Set(edges.map((edge) => edge.from))) {
    const own = edges.filter((edge) => edge.from === from);
    g.addConditionalEdges(end(from), (state) => own.flatMap((edge) => ("switch" in edge ? switchTarget : sends)(edge, state)));
  }
}

const pick = (channels, names) => Annotation.Root(Object.fromEntries(names.map((name) => [name, channels[name]])));

export function buildGraph(file, stage, prefix, checkpointer) {
  const channels = Object.fromEntries(Object.entries(file.state).map(([name, field]) => [name, channel(field)]));
  const g = new StateGraph({
    stateSchema: Annotation.Root(channels),
    ...(file.input && { input: pick(channels, file.input) }),
    ...(file.output && { output: pick(channels, file.output) }),
  });
  // Sorted, as the reference plans a resumed step in the order of declaration.
  for (const [name, node] of Object.entries(file.nodes).sort(byBytes)) addNode(g, name, node, stage, prefix + name);
  for (const edge of file.edges.filter(Array.isArray)) addEdge(g, edge);
  addChoices(g, file.edges.filter((edge) => !Array.isArray(edge)));
  return g.compile({
    checkpointer,
    ...(file.interrupt_before && { interruptBefore: file.interrupt_before }),
    ...(file.interrupt_after && { interruptAfter: file.interrupt_after }),
  });
}
