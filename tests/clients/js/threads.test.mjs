// client.threads: what a thread is, without its state.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { MOMENT, UNKNOWN, UUID, client, line, word } from "./kit.mjs";

test("create without words makes an idle thread", async () => {
  const thread = await client.threads.create();
  assert.match(thread.thread_id, UUID);
  assert.match(thread.created_at, MOMENT);
  assert.deepEqual([thread.status, thread.metadata], ["idle", {}]);
  assert.deepEqual(await client.threads.get(thread.thread_id), thread);
});

test("create keeps its id and metadata, and ifExists decides", async () => {
  const given = { threadId: randomUUID(), metadata: { a: 1 }, graphId: "seq" };
  const made = await client.threads.create(given);
  assert.deepEqual([made.thread_id, made.metadata], [given.threadId, { a: 1, graph_id: "seq" }]);
  await assert.rejects(client.threads.create({ ...given, ifExists: "raise" }), /HTTP 409: Thread already exists/);
  assert.deepEqual(await client.threads.create({ ...given, metadata: {}, ifExists: "do_nothing" }), made);
});

test("create takes a time to live", async () => {
  const asNumber = await client.threads.create({ ttl: 5 });
  const asObject = await client.threads.create({ ttl: { ttl: 5, strategy: "delete" } });
  for (const { thread_id } of [asNumber, asObject]) assert.equal((await client.threads.get(thread_id)).status, "idle");
});

test("create with supersteps gives a thread a past", async () => {
  const thread = await client.threads.create({
    graphId: "seq",
    supersteps: [
      { updates: [{ values: { topic: "old" }, asNode: "__input__" }] },
      { updates: [{ values: { topic: "old" }, asNode: "__start__" }] },
      { updates: [{ values: { log: ["draft:old"] }, asNode: "draft" }] },
    ],
  });
  const state = await client.threads.getState(thread.thread_id);
  assert.deepEqual([state.values, state.next], [{ topic: "old", log: ["draft:old"] }, ["polish"]]);
  const values = await client.runs.wait(thread.thread_id, "seq", { input: null });
  assert.deepEqual(values, { topic: "old", log: ["draft:old", "polish"], result: "old!" });
});

test("an unknown thread is a 404 in the protocol's words", async () => {
  await assert.rejects(client.threads.get(UNKNOWN), new RegExp(`HTTP 404: Thread with ID ${UNKNOWN} not found`));
  await assert.rejects(client.threads.delete(UNKNOWN), /HTTP 404/);
  await assert.rejects(client.threads.update(UNKNOWN, { metadata: {} }), /HTTP 404/);
});

test("update merges metadata", async () => {
  const { thread_id: id } = await client.threads.create({ metadata: { a: 1, b: 1 } });
  const updated = await client.threads.update(id, { metadata: { b: 2, c: 3 }, ttl: 10 });
  assert.deepEqual(updated.metadata, { a: 1, b: 2, c: 3 });
  assert.deepEqual((await client.threads.get(id)).metadata, { a: 1, b: 2, c: 3 });
});

test("update may answer nothing", { skip: !client.threads.prune }, async () => {
  const { thread_id: id } = await client.threads.create();
  assert.equal(await client.threads.update(id, { metadata: { a: 1 }, returnMinimal: true }), undefined);
  assert.deepEqual((await client.threads.get(id)).metadata, { a: 1 });
});

test("delete forgets it", async () => {
  const { thread_id: id } = await client.threads.create();
  assert.equal(await client.threads.delete(id), undefined);
  await assert.rejects(client.threads.get(id), /HTTP 404/);
  await assert.rejects(client.threads.getState(id), /HTTP 404/);
});

test("search and count go by metadata, ids, status and values, and sort", async () => {
  const team = word();
  const ids = [];
  for (const n of [1, 2, 3]) ids.push((await client.threads.create({ metadata: { team, n } })).thread_id);
  await client.runs.wait(ids[0], "seq", { input: { topic: team } });
  await client.runs.wait(ids[1], "ask", { input: { request: team } });
  const numbers = async (query) => (await client.threads.search({ metadata: { team }, ...query })).map((t) => t.metadata.n);
  assert.deepEqual(await numbers({}), [3, 2, 1]);
  assert.deepEqual(await numbers({ sortBy: "created_at", sortOrder: "asc" }), [1, 2, 3]);
  assert.deepEqual((await numbers({ sortBy: "updated_at", sortOrder: "desc" })), [2, 1, 3]);
  assert.deepEqual(await numbers({ limit: 1, offset: 1 }), [2]);
  assert.deepEqual(await numbers({ status: "interrupted" }), [2]);
  assert.deepEqual(await numbers({ ids: [ids[2], ids[0]] }), [3, 1]);
  assert.deepEqual(await numbers({ values: { topic: team } }), [1]);
  assert.deepEqual(Object.keys((await client.threads.search({ metadata: { team }, select: ["thread_id", "status"] }))[0]).sort(), ["status", "thread_id"]);
  assert.equal(await client.threads.count({ metadata: { team } }), 3);
  assert.equal(await client.threads.count({ metadata: { team }, status: "idle" }), 2);
  assert.equal(await client.threads.count({ metadata: { team }, values: { topic: team } }), 1);
});

test("search takes parts out of threads", { skip: line !== 1 }, async () => {
  const team = word();
  const { thread_id: id } = await client.threads.create({ metadata: { team } });
  await client.runs.wait(id, "chat", { input: { messages: "hello" } });
  const [found] = await client.threads.search({ metadata: { team }, select: ["thread_id"], extract: { last: "values.messages[-1].type", none: "values.x" } });
  assert.deepEqual(found, { thread_id: id, extracted: { last: "ai", none: null } });
});

test("a thread shows what its last run has left", async () => {
  const { thread_id: id } = await client.threads.create();
  await client.runs.wait(id, "ask", { input: { request: "pay 5" } });
  const thread = await client.threads.get(id);
  assert.equal(thread.status, "interrupted");
  assert.deepEqual(thread.values, { request: "pay 5", log: ["prepared"] });
  const [interrupts] = Object.values(thread.interrupts);
  assert.deepEqual(interrupts.map((i) => i.value), [{ question: "Approve?", request: "pay 5" }]);
  assert.equal(thread.metadata.graph_id, "ask");
  assert.match(thread.metadata.assistant_id, UUID);
});

test("copy makes a thread with the same history", async () => {
  const { thread_id: id } = await client.threads.create({ metadata: { a: 1 } });
  await client.runs.wait(id, "seq", { input: { topic: "t" } });
  const copy = await client.threads.copy(id);
  assert.notEqual(copy.thread_id, id);
  assert.deepEqual((await client.threads.getState(copy.thread_id)).values, (await client.threads.getState(id)).values);
  assert.equal((await client.threads.getHistory(copy.thread_id)).length, (await client.threads.getHistory(id)).length);
  await client.runs.wait(copy.thread_id, "seq", { input: { topic: "u" } });
  assert.deepEqual((await client.threads.getState(id)).values.topic, "t", "the first one stays as it was");
});

test("prune deletes threads, or what is old of them", { skip: !client.threads.prune }, async () => {
  const [one, two] = [await client.threads.create(), await client.threads.create()].map((t) => t.thread_id);
  await client.runs.wait(one, "seq", { input: { topic: "t" } });
  assert.deepEqual(await client.threads.prune([one], { strategy: "keep_latest" }), { pruned_count: 1 });
  assert.equal((await client.threads.getHistory(one)).length, 1);
  assert.equal((await client.threads.getState(one)).values.result, "t!");
  assert.deepEqual(await client.threads.prune([one, two]), { pruned_count: 2 });
  await assert.rejects(client.threads.get(two), /HTTP 404/);
});
