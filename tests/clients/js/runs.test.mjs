// client.runs: runs that are made, waited for, listed, joined and deleted. Streams have files of their own.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { MOMENT, UNKNOWN, UUID, client, collect, dataOf, line, newClient, newThread, until } from "./kit.mjs";

const RESULT = { topic: "t", log: ["draft:t", "polish"], result: "t!" };

test("wait answers with the last values, on a thread and without", async () => {
  const { thread_id: id } = await newThread("seq");
  assert.deepEqual(await client.runs.wait(id, "seq", { input: { topic: "t" } }), RESULT);
  assert.deepEqual(await client.runs.wait(null, "seq", { input: { topic: "t" } }), RESULT);
  const { assistant_id } = await client.assistants.get("seq");
  assert.deepEqual(await client.runs.wait(null, assistant_id, { input: { topic: "t" } }), RESULT);
});

test("create answers with the run at once, and join with its result", async () => {
  const { thread_id: id } = await newThread("seq");
  const run = await client.runs.create(id, "seq", { input: { topic: "t" }, metadata: { m: 1 }, config: { tags: ["x"] }, context: { c: 1 } });
  assert.match(run.run_id, UUID);
  assert.match(run.created_at, MOMENT);
  const { assistant_id } = await client.assistants.get("seq");
  assert.deepEqual([run.thread_id, run.assistant_id, run.status, run.multitask_strategy], [id, assistant_id, "pending", "reject"]);
  assert.equal(run.metadata.m, 1);
  assert.deepEqual(run.kwargs.input, { topic: "t" });
  assert.deepEqual(await client.runs.join(id, run.run_id), RESULT);
  const done = await client.runs.get(id, run.run_id);
  assert.equal(done.status, "success");
  assert.deepEqual(await client.runs.join(id, run.run_id), RESULT, "again, after the end");
});

test("onRunCreated tells the ids, whichever way the run is made", async () => {
  const { thread_id: id } = await newThread("seq");
  const told = [];
  const options = { input: { topic: "t" }, onRunCreated: (ids) => told.push(ids) };
  await client.runs.wait(id, "seq", options);
  await collect(client.runs.stream(id, "seq", options));
  const run = await client.runs.create(id, "seq", options);
  await client.runs.join(id, run.run_id);
  assert.equal(told.length, 3);
  for (const { thread_id, run_id } of told) {
    assert.equal(thread_id, id);
    assert.equal((await client.runs.get(id, run_id)).status, "success");
  }
  assert.equal(told[2].run_id, run.run_id);
  told.length = 0;
  await client.runs.wait(null, "seq", options);
  await collect(client.runs.stream(null, "seq", options));
  for (const { thread_id, run_id } of told) {
    assert.equal(thread_id, undefined);
    assert.match(run_id, UUID);
  }
  assert.equal(told.length, 2);
});

test("list is newest first, and goes by status, limit, offset and select", async () => {
  const { thread_id: id } = await newThread("seq");
  const made = [];
  for (const topic of ["a", "b", "c"]) {
    const run = await client.runs.create(id, "seq", { input: { topic } });
    made.unshift(run.run_id);
    await client.runs.join(id, run.run_id);
  }
  const ids = async (options) => (await client.runs.list(id, options)).map((r) => r.run_id);
  assert.deepEqual(await ids(), made);
  assert.deepEqual(await ids({ limit: 1, offset: 1 }), [made[1]]);
  assert.deepEqual(await ids({ status: "success" }), made);
  assert.deepEqual(await ids({ status: "error" }), []);
  const [selected] = await client.runs.list(id, { limit: 1, select: ["run_id", "status"] });
  assert.deepEqual(selected, { run_id: made[0], status: "success" });
  await assert.rejects(client.runs.list(UNKNOWN), /HTTP 404/);
});

test("delete forgets a run", async () => {
  const { thread_id: id } = await newThread("seq");
  const run = await client.runs.create(id, "seq", { input: { topic: "t" } });
  await client.runs.join(id, run.run_id);
  assert.equal(await client.runs.delete(id, run.run_id), undefined);
  await assert.rejects(client.runs.get(id, run.run_id), /HTTP 404: Run not found/);
  assert.deepEqual(await client.runs.list(id), []);
  await assert.rejects(client.runs.delete(id, run.run_id), /HTTP 404/);
});

test("createBatch starts stateless runs", async () => {
  const runs = await client.runs.createBatch([
    { assistantId: "seq", input: { topic: "a" } },
    { assistantId: "seq", input: { topic: "b" } },
  ]);
  assert.equal(runs.length, 2);
  const results = await Promise.all(runs.map(async (run) => dataOf(await collect(client.runs.joinStream(null, run.run_id)), "values").at(-1)));
  assert.deepEqual(results.map((r) => r.result), ["a!", "b!"]);
});

test("a stateless run in the background is read by its id", async () => {
  const run = await client.runs.create(null, "seq", { input: { topic: "t" }, streamMode: "values" });
  const parts = await collect(client.runs.joinStream(undefined, run.run_id));
  assert.deepEqual(parts[0].data.run_id, run.run_id);
  assert.deepEqual(dataOf(parts, "values").at(-1), RESULT);
});

test("a run may make its thread", async () => {
  const id = randomUUID();
  await assert.rejects(client.runs.wait(id, "seq", { input: { topic: "t" } }), new RegExp(`HTTP 404: Thread with ID ${id} not found`));
  assert.deepEqual(await client.runs.wait(id, "seq", { input: { topic: "t" }, ifNotExists: "create" }), RESULT);
  assert.equal((await client.threads.get(id)).metadata.graph_id, "seq");
});

test("an unknown assistant or run is a 404", async () => {
  const { thread_id: id } = await newThread("seq");
  await assert.rejects(client.runs.create(id, "nobody", { input: {} }), /HTTP 404: No assistant found for "nobody"/);
  await assert.rejects(client.runs.wait(null, "nobody", { input: {} }), /HTTP 404/);
  await assert.rejects(collect(client.runs.stream(id, "nobody", { input: {} })), /HTTP 404/);
  await assert.rejects(client.runs.get(id, UNKNOWN), /HTTP 404: Run not found/);
  await assert.rejects(client.runs.join(id, UNKNOWN), /HTTP 404/);
  await assert.rejects(client.runs.cancel(id, UNKNOWN), /HTTP 404/);
});

test("metadata, configurable and headers of the request go into the run", async () => {
  const own = newClient({ defaultHeaders: { "x-team": "blue" } });
  const { thread_id: id } = await own.threads.create({ metadata: { from: "thread" } });
  const values = await own.runs.wait(id, "custom", { input: {}, metadata: { from_run: 1 }, config: { configurable: { model: "m" } } });
  assert.deepEqual(values.seen, { model: "m", header: "blue" });
  const [run] = await own.runs.list(id);
  assert.deepEqual([run.metadata.from, run.metadata.from_run], ["thread", 1]);
  const { metadata } = await own.threads.getState(id);
  assert.deepEqual([metadata.from_run, metadata.run_id, metadata["x-team"], metadata.model], [1, run.run_id, "blue", "m"]);
});

test("messages in the forms that people write", async () => {
  const { messages } = await client.runs.wait(null, "chat", { input: { messages: [{ role: "user", content: "hello" }] } });
  assert.deepEqual(messages.map((m) => m.type), ["human", "ai"]);
  assert.equal(messages[0].content, "hello");
  assert.match(messages[1].content, /"hello"/);
  for (const form of [[{ type: "human", content: "hello" }], [["human", "hello"]], "hello"]) {
    const other = await client.runs.wait(null, "chat", { input: { messages: form } });
    assert.deepEqual(other.messages.map((m) => [m.type, m.content]), messages.map((m) => [m.type, m.content]));
  }
});

test("afterSeconds keeps a run pending, and its thread busy", async () => {
  const { thread_id: id } = await newThread("seq");
  const before = Date.now();
  const run = await client.runs.create(id, "seq", { input: { topic: "t" }, afterSeconds: 1 });
  assert.equal((await client.runs.get(id, run.run_id)).status, "pending");
  assert.equal((await client.threads.get(id)).status, "busy");
  assert.deepEqual(await client.runs.join(id, run.run_id), RESULT);
  assert.ok(Date.now() - before >= 990, `after ${Date.now() - before} ms`);
});

test("cancel ends a run, which keeps what it has done", async () => {
  const { thread_id: id } = await newThread("slow");
  for (const waits of [true, false]) {
    const run = await client.runs.create(id, "slow", { input: {} });
    await until(async () => (await client.threads.getState(id)).next.includes("pause"), "the pause");
    assert.equal(await client.runs.cancel(id, run.run_id, waits), undefined);
    await client.runs.join(id, run.run_id);
    assert.equal((await client.runs.get(id, run.run_id)).status, "interrupted");
    const state = await client.threads.getState(id);
    assert.deepEqual([state.values.log.at(-1), state.next], ["before", ["pause"]]);
    assert.equal((await client.threads.get(id)).status, "idle");
  }
});

test("cancel with rollback leaves nothing of it", async () => {
  const { thread_id: id } = await newThread("slow");
  await client.runs.wait(id, "slow", { input: { ms: 1 } });
  const before = await client.threads.getState(id);
  const run = await client.runs.create(id, "slow", { input: { ms: 60000 } });
  await client.runs.cancel(id, run.run_id, true, "rollback");
  await assert.rejects(client.runs.get(id, run.run_id), /HTTP 404/);
  assert.deepEqual(await client.threads.getState(id), before);
});

test("cancelling what has ended does no harm", async () => {
  const { thread_id: id } = await newThread("seq");
  const run = await client.runs.create(id, "seq", { input: { topic: "t" } });
  await client.runs.join(id, run.run_id);
  assert.equal(await client.runs.cancel(id, run.run_id, true), undefined);
  assert.equal((await client.runs.get(id, run.run_id)).status, "success");
});

test("cancelMany ends the runs that are named, or all of a kind", { skip: line !== 1 }, async () => {
  const { thread_id: id } = await newThread("slow");
  const runs = [];
  for (let n = 0; n < 3; n++) runs.push(await client.runs.create(id, "slow", { input: {}, multitaskStrategy: "enqueue" }));
  const status = async (n) => (await client.runs.get(id, runs[n].run_id)).status;
  await client.runs.cancelMany({ threadId: id, runIds: [runs[1].run_id] });
  await until(async () => (await status(1)) === "interrupted", "the named run's end");
  assert.equal(await status(2), "pending");
  await client.runs.cancelMany({ threadId: id, status: "all" });
  await until(async () => (await status(0)) === "interrupted" && (await status(2)) === "interrupted", "the end of all");
});

test("a client has four places for requests, and four streams do not hold up a fifth request", async () => {
  const own = newClient();
  const threads = await Promise.all([1, 2, 3, 4].map(() => own.threads.create({ graphId: "slow" })));
  const made = threads.map(() => null);
  const streams = threads.map(({ thread_id }, n) =>
    collect(own.runs.stream(thread_id, "slow", { input: {}, onRunCreated: (ids) => { made[n] = ids; } })));
  await until(() => made.every((ids) => ids !== null), "four streams");
  const waits = threads.map(({ thread_id }, n) => own.runs.join(thread_id, made[n].run_id));
  for (const { thread_id, run_id } of made) {
    await until(async () => (await own.threads.getState(thread_id)).next.includes("pause"), "the pause");
    await own.runs.cancel(thread_id, run_id);
  }
  for (const parts of await Promise.all(streams)) assert.equal(parts[0].event, "metadata");
  for (const values of await Promise.all(waits)) assert.deepEqual(values.log, ["before"]);
});
