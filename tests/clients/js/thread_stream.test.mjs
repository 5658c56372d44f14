// client.threads.joinStream: the events of a thread over all its runs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { client, newClient, newThread, url } from "./kit.mjs";
import { cuttingProxy } from "./proxy.mjs";

/** The parts of so many runs. Leaving the loop does not close the connection, the signal does. */
async function runsOf(id, count, options = {}, own = client) {
  const list = [];
  const leave = new AbortController();
  for await (const part of own.threads.joinStream(id, { ...options, signal: leave.signal })) {
    list.push(part);
    if (part.event === "run_done" && --count === 0) break;
  }
  leave.abort();
  return list;
}

async function twoRuns() {
  const { thread_id: id } = await newThread("seq");
  const runs = [];
  for (const topic of ["a", "b"]) {
    const run = await client.runs.create(id, "seq", { input: { topic }, streamMode: "values" });
    await client.runs.join(id, run.run_id);
    runs.push(run.run_id);
  }
  return { id, runs };
}

test("one run after the other comes", async () => {
  const { thread_id: id } = await newThread("slow");
  const first = await client.runs.create(id, "slow", { input: { ms: 100 }, streamMode: "values" });
  const reading = runsOf(id, 2);
  const second = await client.runs.create(id, "slow", { input: { ms: 1 }, streamMode: "values", multitaskStrategy: "enqueue" });
  const parts = await reading;
  assert.deepEqual(parts.filter((part) => part.event === "run_done").map((part) => part.data),
    [first, second].map((run) => ({ run_id: run.run_id, status: "success" })));
  assert.deepEqual(parts.at(-2).data.log, ["before", "paused", "after", "before", "paused", "after"]);
});

test("who comes back gets what is behind their last id", async () => {
  const { id, runs } = await twoRuns();
  const all = await runsOf(id, 2, { lastEventId: "-1" });
  assert.deepEqual(all.filter((part) => part.event === "metadata").map((part) => part.data.run_id), runs);
  const rest = await runsOf(id, 2, { lastEventId: all[2].id });
  assert.deepEqual(rest, all.slice(3));
});

test("lifecycle and state_update", async () => {
  const { id } = await twoRuns();
  const parts = await runsOf(id, 2, { lastEventId: "-1", streamMode: "lifecycle" });
  assert.deepEqual(parts.map((part) => part.event), ["metadata", "run_done", "metadata", "run_done"]);
  const { run_id } = await client.runs.create(id, "seq", { input: { topic: "c" } });
  const leave = new AbortController();
  const both = client.threads.joinStream(id, { lastEventId: "-1", streamMode: ["lifecycle", "state_update"], signal: leave.signal });
  try {
    for await (const part of both) {
      if (part.event === "run_done" && part.data.run_id === run_id) await client.threads.updateState(id, { values: { log: ["x"] }, asNode: "polish" });
      if (part.event === "state_update") {
        assert.equal(part.data.values.log.at(-1), "x");
        break;
      }
    }
  } finally {
    leave.abort();
  }
});

test("patchState changes the thread's metadata", async () => {
  const { thread_id: id } = await newThread("seq");
  await client.threads.patchState(id, { a: 1 });
  await client.threads.patchState({ configurable: { thread_id: id } }, { b: 2 });
  assert.deepEqual((await client.threads.get(id)).metadata, { graph_id: "seq", a: 1, b: 2 });
});

test("a thread's stream that breaks goes on where it was", async () => {
  const { id } = await twoRuns();
  const all = await runsOf(id, 2, { lastEventId: "-1" });
  const proxy = await cuttingProxy(url, `id: ${all[2].id}\n`, 10);
  const own = newClient({ apiUrl: proxy.url });
  assert.deepEqual(await runsOf(id, 2, { lastEventId: "-1" }, own), all);
  assert.ok(proxy.isCut);
  proxy.close();
});
