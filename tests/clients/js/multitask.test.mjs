// A second run on a thread that has one at work.
import assert from "node:assert/strict";
import { test } from "node:test";
import { client, newThread, until } from "./kit.mjs";

/** A run that waits in its second node. */
async function atWork(ms = 60_000) {
  const { thread_id: id } = await newThread("slow");
  const run = await client.runs.create(id, "slow", { input: { ms } });
  await until(async () => (await client.threads.getState(id)).next.includes("pause"), "the pause");
  return { id, first: run.run_id, second: (multitaskStrategy) => client.runs.create(id, "slow", { input: { ms: 1 }, multitaskStrategy }) };
}

test("reject is the default", async () => {
  const { id, first, second } = await atWork();
  const words = /HTTP 422: Thread is already running a task. Wait for it to finish or choose a different multitask strategy./;
  await assert.rejects(second(), words);
  await assert.rejects(second("reject"), words);
  assert.equal((await client.runs.list(id)).length, 1);
  await client.runs.cancel(id, first, true);
});

test("enqueue waits for its turn", async () => {
  const { id, first, second } = await atWork();
  const { run_id } = await second("enqueue");
  assert.equal((await client.runs.get(id, run_id)).status, "pending");
  await client.runs.cancel(id, first);
  assert.deepEqual((await client.runs.join(id, run_id)).log, ["before", "before", "paused", "after"]);
});

test("interrupt ends the first, and goes on from what it has done", async () => {
  const { id, first, second } = await atWork();
  const { run_id } = await second("interrupt");
  assert.deepEqual((await client.runs.join(id, run_id)).log, ["before", "before", "paused", "after"]);
  assert.equal((await client.runs.get(id, first)).status, "interrupted");
});

test("rollback takes back what the first has done", async () => {
  const { id, first, second } = await atWork();
  const { run_id } = await second("rollback");
  assert.deepEqual((await client.runs.join(id, run_id)).log, ["before", "paused", "after"]);
  await assert.rejects(client.runs.get(id, first), /HTTP 404/);
});
