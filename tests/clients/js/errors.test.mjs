// Runs that fail, and questions to a server that says no.
import assert from "node:assert/strict";
import { test } from "node:test";
import { client, collect, newThread, until } from "./kit.mjs";

test("wait throws the error of the run", async () => {
  const { thread_id: id } = await newThread("boom");
  await assert.rejects(client.runs.wait(id, "boom", { input: { n: 1 } }), { message: "BoomError: node exploded" });
  await assert.rejects(client.runs.wait(null, "boom", { input: { n: 1 } }), { message: "BoomError: node exploded" });
  const values = await client.runs.wait(id, "boom", { input: { n: 1 }, raiseError: false });
  assert.deepEqual([values.__error__.error, values.__error__.message], ["BoomError", "node exploded"]);
});

test("a stream ends with an error event", async () => {
  const { thread_id: id } = await newThread("boom");
  const parts = await collect(client.runs.stream(id, "boom", { input: { n: 1 }, streamMode: ["values", "updates"] }));
  assert.equal(parts.at(-1).event, "error");
  assert.deepEqual([parts.at(-1).data.error, parts.at(-1).data.message], ["BoomError", "node exploded"]);
  assert.ok(parts.some((part) => part.event === "updates"));
});

test("the books say error, and the thread can go on", async () => {
  const { thread_id: id } = await newThread("boom");
  const run = await client.runs.create(id, "boom", { input: { n: 1 } });
  await until(async () => (await client.runs.get(id, run.run_id)).status === "error", "the failure");
  assert.equal((await client.threads.get(id)).status, "error");
  const state = await client.threads.getState(id);
  assert.deepEqual(state.next, ["bad"]);
  assert.match(state.tasks[0].error, /node exploded/);
  assert.match((await client.runs.join(id, run.run_id)).__error__.message, /node exploded/, "who comes late learns it, too");
  const { checkpoint } = await client.threads.updateState(id, { values: { log: ["repaired"] }, asNode: "bad" });
  assert.ok(checkpoint.checkpoint_id);
  assert.deepEqual((await client.threads.getState(id)).next, []);
});

test("nothing to go on with is an EmptyInputError", async () => {
  const { thread_id: id } = await newThread("seq");
  await assert.rejects(client.runs.wait(id, "seq", { input: null }), /EmptyInputError/);
});

test("the recursion limit ends a run", async () => {
  const { thread_id: id } = await newThread("seq");
  await assert.rejects(client.runs.wait(id, "seq", { input: { topic: "t" }, config: { recursion_limit: 1 } }), /GraphRecursionError: Recursion limit of 1/);
});
