// client.threads: state, updates of it, and history.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MOMENT, UNKNOWN, client, newThread } from "./kit.mjs";

async function ran(graph, input) {
  const { thread_id: id } = await newThread(graph);
  await client.runs.wait(id, graph, { input });
  return id;
}

test("a thread without runs has an empty state", async () => {
  const { thread_id: id } = await client.threads.create();
  const state = await client.threads.getState(id);
  assert.deepEqual([state.values, state.next, state.tasks, state.checkpoint], [{}, [], [], null]);
  assert.deepEqual(await client.threads.getHistory(id), []);
  await assert.rejects(client.threads.getState(UNKNOWN), /HTTP 404/);
});

test("getState tells where the thread stands", async () => {
  const id = await ran("seq", { topic: "t" });
  const state = await client.threads.getState(id);
  assert.deepEqual(state.values, { topic: "t", log: ["draft:t", "polish"], result: "t!" });
  assert.deepEqual([state.next, state.tasks], [[], []]);
  assert.match(state.created_at, MOMENT);
  assert.deepEqual([state.metadata.source, state.metadata.step, state.metadata.thread_id, state.metadata.graph_id], ["loop", 2, id, "seq"]);
  assert.equal(state.checkpoint.thread_id, id);
  assert.equal(state.checkpoint.checkpoint_ns, "");
  assert.notEqual(state.parent_checkpoint.checkpoint_id, state.checkpoint.checkpoint_id);
});

test("getState of a checkpoint, by its id and by itself", async () => {
  const id = await ran("seq", { topic: "t" });
  const [, middle] = await client.threads.getHistory(id);
  assert.deepEqual(await client.threads.getState(id, middle.checkpoint.checkpoint_id), { ...middle, tasks: (await client.threads.getState(id, middle.checkpoint)).tasks });
  const state = await client.threads.getState(id, middle.checkpoint, { subgraphs: true });
  assert.deepEqual([state.values, state.next], [{ topic: "t", log: ["draft:t"] }, ["polish"]]);
  await assert.rejects(client.threads.getState(id, UNKNOWN), /HTTP 404/);
});

test("getHistory is newest first, and goes by limit, before, metadata and checkpoint", async () => {
  const id = await ran("seq", { topic: "t" });
  const all = await client.threads.getHistory(id);
  assert.deepEqual(all.map((s) => s.metadata.step), [2, 1, 0, -1]);
  assert.deepEqual(all.map((s) => s.next), [[], ["polish"], ["draft"], ["__start__"]]);
  for (const [n, state] of all.slice(0, -1).entries()) assert.equal(state.parent_checkpoint.checkpoint_id, all[n + 1].checkpoint.checkpoint_id);
  assert.equal(all.at(-1).parent_checkpoint, null);
  assert.deepEqual(all[1].tasks.map((t) => [t.name, t.result]), [["polish", { log: "polish", result: "t!" }]]);
  const steps = async (options) => (await client.threads.getHistory(id, options)).map((s) => s.metadata.step);
  assert.deepEqual(await steps({ limit: 2 }), [2, 1]);
  assert.deepEqual(await steps({ before: { configurable: { checkpoint_id: all[1].checkpoint.checkpoint_id } } }), [0, -1]);
  assert.deepEqual(await steps({ before: all[1].checkpoint.checkpoint_id }), [0, -1]);
  assert.deepEqual(await steps({ metadata: { step: 1 } }), [1]);
  assert.deepEqual(await steps({ metadata: { source: "input" } }), [-1]);
  assert.deepEqual((await steps({ checkpoint: { checkpoint_id: all[1].checkpoint.checkpoint_id } }))[0], 1);
});

test("updateState writes as a node, and the next run goes on behind it", async () => {
  const { thread_id: id } = await newThread("seq");
  const { checkpoint } = await client.threads.updateState(id, { values: { topic: "by hand", log: ["mine"] }, asNode: "draft" });
  assert.deepEqual([checkpoint.thread_id, checkpoint.checkpoint_ns], [id, ""]);
  const state = await client.threads.getState(id);
  assert.equal(state.checkpoint.checkpoint_id, checkpoint.checkpoint_id);
  assert.deepEqual([state.values, state.next, state.metadata.source], [{ topic: "by hand", log: ["mine"] }, ["polish"], "update"]);
  assert.deepEqual(await client.runs.wait(id, "seq"), { topic: "by hand", log: ["mine", "polish"], result: "by hand!" });
});

test("updateState at an old checkpoint, and a run from there, fork the thread", async () => {
  const id = await ran("seq", { topic: "t" });
  const [last, middle] = await client.threads.getHistory(id);
  const { checkpoint } = await client.threads.updateState(id, { values: { topic: "fork" }, checkpoint: middle.checkpoint, asNode: "draft" });
  const state = await client.threads.getState(id);
  assert.equal(state.checkpoint.checkpoint_id, checkpoint.checkpoint_id);
  assert.equal(state.parent_checkpoint.checkpoint_id, middle.checkpoint.checkpoint_id);
  const byId = await client.threads.updateState(id, { values: null, checkpointId: last.checkpoint.checkpoint_id, asNode: undefined });
  assert.deepEqual((await client.threads.getState(id, byId.checkpoint)).values, last.values);
  const values = await client.runs.wait(id, "seq", { checkpointId: checkpoint.checkpoint_id });
  assert.deepEqual(values, { topic: "fork", log: ["draft:t", "polish"], result: "fork!" });
  const again = await client.runs.wait(id, "seq", { input: null, checkpoint: { ...middle.checkpoint } });
  assert.equal(again.result, "t!");
});

test("updateState refuses what it cannot do", async () => {
  const { thread_id: id } = await client.threads.create();
  await assert.rejects(client.threads.updateState(id, { values: { topic: "t" } }), /HTTP 400/, "no graph yet");
  await assert.rejects(client.threads.updateState(UNKNOWN, { values: {} }), /HTTP 404/);
  const other = await ran("seq", { topic: "t" });
  await assert.rejects(client.threads.updateState(other, { values: { topic: 7 } }), /HTTP 4\d\d: .*topic/);
  await assert.rejects(client.threads.updateState(other, { values: {}, asNode: "nobody" }), /HTTP 4\d\d: .*nobody/);
});

test("a thread at work is busy, and its state is not to be written", async () => {
  const { thread_id: id } = await newThread("slow");
  const run = await client.runs.create(id, "slow", { input: {} });
  assert.equal((await client.threads.get(id)).status, "busy");
  await assert.rejects(client.threads.updateState(id, { values: { log: ["x"] } }), /HTTP 409: Thread is busy/);
  await client.runs.cancel(id, run.run_id, true);
  assert.equal((await client.threads.get(id)).status, "idle");
});

test("a graph inside has a state of its own, while it waits", async () => {
  const id = await ran("inner_ask", { request: "pay" });
  const outer = await client.threads.getState(id);
  assert.deepEqual(outer.next, ["desk"]);
  const { checkpoint, state, interrupts } = outer.tasks[0];
  assert.equal(state, null);
  assert.equal(checkpoint.checkpoint_ns, `desk:${outer.tasks[0].id}`);
  const open = await client.threads.getState(id, undefined, { subgraphs: true });
  assert.deepEqual([open.tasks[0].checkpoint, open.tasks[0].state.next, open.tasks[0].state.values.log], [null, ["review"], ["prepared"]]);
  assert.equal(open.tasks[0].state.tasks[0].interrupts[0].id, interrupts[0].id, "both levels tell the same question");
  const inner = await client.threads.getState(id, checkpoint);
  assert.deepEqual([inner.next, inner.values.request], [["review"], "pay"]);
  await client.threads.updateState(id, { values: { request: "pay less" }, checkpoint });
  const history = await client.threads.getHistory(id, { checkpoint });
  assert.ok(history.length >= 2);
  assert.equal(history[0].values.request, "pay less");
});
