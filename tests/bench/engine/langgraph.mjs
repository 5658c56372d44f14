// usage: node --expose-gc langgraph.mjs CASE.json
//
// The case of cases.py that engine_bench.c measures, on LangGraph.js without a checkpointer; the same answer.
// LangGraph.js is the one that tests/diff pins: it is looked up from there.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

delete process.env.LANGSMITH_TRACING;
const require = createRequire(new URL('../../diff/package.json', import.meta.url));
const { Annotation, Send, StateGraph } = require('@langchain/langgraph');

const WARM_MS = 1500;
const ROUND_MS = 150;
const ROUNDS = 11;

const { graph: spec, input, expect, held } = JSON.parse(readFileSync(process.argv[2], 'utf8'));

let letGo;
const told = new Promise((resolve) => { letGo = resolve; });
let heldCount = 0;
const KINDS = {
  put: ({ values }) => () => values,
  hold: ({ values }) => async () => {
    heldCount += 1;
    await told;
    return values;
  },
};

function channel(field) {
  if (field.reducer === undefined) return Annotation();
  return Annotation({ reducer: (old, more) => old + more, default: () => field.default });
}

function addEdge(graph, edge) {
  if (edge.switch !== undefined) {
    const { from, switch: field, cases, default: other } = edge;
    graph.addConditionalEdges(from, (state) => cases[state[field]] ?? other);
  } else if (edge.each !== undefined) {
    const { from, each, as, send } = edge;
    graph.addConditionalEdges(from, (state) => state[each].map((item) => new Send(send, { [as]: item })), [send]);
  } else if (Array.isArray(edge[1])) {
    for (const to of edge[1]) graph.addEdge(edge[0], to);
  } else {
    graph.addEdge(...edge);
  }
}

function build() {
  const fields = Object.entries(spec.state).map(([name, field]) => [name, channel(field)]);
  const graph = new StateGraph(Annotation.Root(Object.fromEntries(fields)));
  for (const [name, node] of Object.entries(spec.nodes)) graph.addNode(name, KINDS[node.kind](node));
  for (const edge of spec.edges) addEdge(graph, edge);
  return graph.compile();
}

const graph = build();
const config = spec.recursion_limit === undefined ? {} : { recursionLimit: spec.recursion_limit };

async function run() {
  const { n } = await graph.invoke(input, config);
  if (n !== expect) throw new Error(`a run ended with n ${n} instead of ${expect}`);
}

async function roundMs(runs) {
  const begin = performance.now();
  for (let i = 0; i < runs; i++) await run();
  return performance.now() - begin;
}

async function measureTime() {
  let warmRuns = 0;
  let lastMs = 0;
  for (const begin = performance.now(); performance.now() - begin < WARM_MS; warmRuns++) lastMs = await roundMs(1);
  const runs = 1 + Math.floor(ROUND_MS / lastMs);
  const us = [];
  for (let i = 0; i < ROUNDS; i++) us.push((await roundMs(runs)) * 1000 / runs);
  us.sort((a, b) => a - b);
  return { us: us[(ROUNDS - 1) / 2], least_us: us[0], rounds: ROUNDS, runs };
}

function residentBytes() {
  global.gc();
  return process.memoryUsage().rss;
}

async function measureMemory() {
  const before = residentBytes();
  const runs = Array.from({ length: held }, run);
  while (heldCount < held) await new Promise((resolve) => { setTimeout(resolve, 10); });
  const bytes = (residentBytes() - before) / held;
  letGo();
  await Promise.all(runs);
  return { bytes, runs: held };
}

console.log(JSON.stringify(await (held ? measureMemory() : measureTime())));
