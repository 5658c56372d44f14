// RemoteGraph of LangGraph.js: a graph of the server as a node of a program's own. It brings its own SDK of the line that goes on.
import assert from "node:assert/strict";
import { test } from "node:test";
import { line, newThread, url } from "./kit.mjs";

const options = { skip: line !== 1 };
const { Annotation, Command, MemorySaver, START, StateGraph } = line === 1 ? await import("@langchain/langgraph") : {};
const { RemoteGraph } = line === 1 ? await import("@langchain/langgraph/remote") : {};
const { HumanMessage } = line === 1 ? await import("@langchain/core/messages") : {};

const remote = (graphId, more = {}) => new RemoteGraph({ graphId, url, apiKey: "none", ...more });
const onThread = (thread_id) => ({ configurable: { thread_id } });
const RESULT = { topic: "t", log: ["draft:t", "polish"], result: "t!" };

async function collect(parts) {
  const list = [];
  for await (const part of await parts) list.push(part);
  return list;
}

test("invoke, stateless and on a thread", options, async () => {
  assert.deepEqual(await remote("seq").invoke({ topic: "t" }), RESULT);
  const { thread_id: id } = await newThread("seq");
  assert.deepEqual(await remote("seq").invoke({ topic: "t" }, onThread(id)), RESULT);
  assert.deepEqual((await remote("seq").getState(onThread(id))).values, RESULT);
});

test("a thread that is not there is made", options, async () => {
  const config = onThread(crypto.randomUUID());
  assert.deepEqual(await remote("seq").invoke({ topic: "t" }, config), RESULT);
  assert.deepEqual((await remote("seq").getState(config)).next, []);
});

test("stream, in one mode and in several", options, async () => {
  const graph = remote("seq");
  assert.deepEqual(await collect(graph.stream({ topic: "t" })), [{ draft: { log: "draft:t" } }, { polish: { log: "polish", result: "t!" } }]);
  const both = await collect(graph.stream({ topic: "t" }, { streamMode: ["values", "updates"] }));
  assert.deepEqual(both.map(([mode]) => mode), ["values", "updates", "values", "updates", "values"]);
  const tokens = await collect(remote("chat").stream({ messages: [new HumanMessage("hello")] }, { streamMode: "messages" }));
  assert.ok(tokens.length > 8);
  assert.match(tokens.map(([chunk]) => chunk.content).join(""), /"hello"/);
  assert.equal(tokens[0][1].langgraph_node, "model");
});

test("stream with subgraphs tells where things come from", options, async () => {
  const parts = await collect(remote("parent").stream({ messages: [new HumanMessage("hi")] }, { streamMode: "updates", subgraphs: true }));
  assert.deepEqual(parts.map(([namespace, data]) => [namespace.map((n) => n.split(":")[0]).join("|"), Object.keys(data)[0]]),
    [["", "enter"], ["child", "speak"], ["child", "tail"], ["", "child"]]);
});

test("a run that fails throws", options, async () => {
  await assert.rejects(remote("boom").invoke({ n: 1 }), /node exploded/);
});

test("an interrupt throws, and a command goes on", options, async () => {
  const config = onThread(crypto.randomUUID());
  const graph = remote("ask");
  await assert.rejects(graph.invoke({ request: "pay 5" }, config), (error) => {
    assert.equal(error.name, "GraphInterrupt");
    assert.deepEqual(error.interrupts[0].value, { question: "Approve?", request: "pay 5" });
    return true;
  });
  const state = await graph.getState(config);
  assert.deepEqual([state.next, state.tasks[0].interrupts[0].value.question], [["review"], "Approve?"]);
  const values = await graph.invoke(new Command({ resume: "yes" }), config);
  assert.deepEqual([values.answer, values.log], ["yes", ["prepared", "sent"]]);
});

test("interruptBefore stops, and null goes on", options, async () => {
  const config = onThread(crypto.randomUUID());
  const graph = remote("seq", { interruptBefore: ["polish"] });
  await assert.rejects(graph.invoke({ topic: "t" }, config), { name: "GraphInterrupt" });
  assert.deepEqual(await remote("seq").invoke(null, config), RESULT);
});

test("state: history, updates and a fork", options, async () => {
  const config = onThread(crypto.randomUUID());
  const graph = remote("seq");
  await graph.invoke({ topic: "t" }, config);
  const history = await collect(graph.getStateHistory(config));
  assert.deepEqual(history.map((s) => s.metadata.step), [2, 1, 0, -1]);
  assert.deepEqual((await collect(graph.getStateHistory(config, { limit: 1 }))).map((s) => s.metadata.step), [2]);
  assert.deepEqual((await collect(graph.getStateHistory(config, { before: history[1].config }))).map((s) => s.metadata.step), [0, -1]);
  assert.deepEqual((await collect(graph.getStateHistory(config, { filter: { step: 1 } }))).map((s) => s.metadata.step), [1]);
  assert.deepEqual((await graph.getState(history[1].config)).next, ["polish"]);
  const forked = await graph.updateState(history[1].config, { topic: "fork" }, "draft");
  assert.equal(forked.configurable.thread_id, config.configurable.thread_id);
  assert.deepEqual((await graph.getState(config)).values.topic, "fork");
  assert.equal((await graph.invoke(null, config)).result, "fork!");
});

test("state of a graph inside", options, async () => {
  const config = onThread(crypto.randomUUID());
  const graph = remote("inner_ask");
  await assert.rejects(graph.invoke({ request: "pay" }, config), { name: "GraphInterrupt" });
  const { tasks: [closed] } = await graph.getState(config);
  assert.match(closed.state.configurable.checkpoint_ns, /^desk:/);
  const { tasks: [open] } = await graph.getState(config, { subgraphs: true });
  assert.deepEqual(open.state.next, ["review"]);
});

test("getGraphAsync draws, getSubgraphsAsync names the graphs inside", options, async () => {
  const drawn = await remote("seq").getGraphAsync();
  assert.deepEqual(Object.keys(drawn.nodes), ["__start__", "draft", "polish", "__end__"]);
  assert.match(drawn.drawMermaid(), /draft.*-->.*polish/);
  const names = [];
  for await (const [name, graph] of remote("parent").getSubgraphsAsync()) names.push([name, graph.graphId]);
  assert.deepEqual(names.map(([name]) => name), ["child"]);
});

test("as a node of a graph of one's own", options, async () => {
  const State = Annotation.Root({ topic: Annotation(), log: Annotation({ reducer: (a, b) => [...a, ...b], default: () => [] }), result: Annotation() });
  const graph = new StateGraph(State).addNode("far", remote("seq")).addEdge(START, "far").compile({ checkpointer: new MemorySaver() });
  const config = onThread("here");
  assert.equal((await graph.invoke({ topic: "t" }, config)).result, "t!");
  const parts = await collect(graph.stream({ topic: "u" }, { ...config, streamMode: "updates", subgraphs: true }));
  assert.deepEqual(parts.map(([namespace, data]) => [namespace.length, Object.keys(data)[0]]), [[1, "draft"], [1, "polish"], [0, "far"]]);
});

test("settings and abort signals reach the server", options, async () => {
  const values = await remote("custom", { config: { configurable: { model: "big" } } }).invoke({ topic: "t" }, { tags: ["x"], recursionLimit: 9 });
  assert.equal(values.seen.model, "big");
  await assert.rejects(remote("seq").invoke({ topic: "t" }, { recursionLimit: 1 }), /Recursion limit of 1/);
  const leave = AbortSignal.timeout(50);
  await assert.rejects(remote("slow").invoke({}, { signal: leave }), (error) => error.name === "TimeoutError" || error.name === "AbortError");
});
