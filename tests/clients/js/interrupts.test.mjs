// Questions to a person, and the answers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { client, collect, dataOf, newThread } from "./kit.mjs";

const QUESTION = { question: "Approve?", request: "pay 5" };

async function asked() {
  const { thread_id: id } = await newThread("ask");
  const parts = await collect(client.runs.stream(id, "ask", { input: { request: "pay 5" }, streamMode: ["values", "updates"] }));
  return { id, parts };
}

test("a question comes as the last event, and in the thread and its state", async () => {
  const { id, parts } = await asked();
  const last = parts.at(-1);
  const [interrupt] = last.data.__interrupt__;
  assert.deepEqual(interrupt.value, QUESTION);
  assert.match(interrupt.id, /^[0-9a-f]{32}$/);
  assert.deepEqual(dataOf(parts, "updates").at(-1), { __interrupt__: [interrupt] });
  const [run] = await client.runs.list(id);
  assert.equal(run.status, "success");
  const thread = await client.threads.get(id);
  assert.equal(thread.status, "interrupted");
  assert.deepEqual(Object.values(thread.interrupts), [[interrupt]]);
  const state = await client.threads.getState(id);
  assert.deepEqual([state.next, state.tasks[0].name, state.tasks[0].interrupts], [["review"], "review", [interrupt]]);
  assert.deepEqual(Object.keys(thread.interrupts), [state.tasks[0].id]);
});

test("command.resume answers, also with what is falsy", async () => {
  for (const answer of [{ ok: true }, "yes", 0, "", false]) {
    const { id } = await asked();
    const values = await client.runs.wait(id, "ask", { command: { resume: answer } });
    assert.deepEqual([values.answer, values.log], [answer, ["prepared", "sent"]]);
    assert.equal((await client.threads.get(id)).status, "idle");
  }
});

test("resume comes with update and goto", async () => {
  const { id } = await asked();
  const values = await client.runs.wait(id, "ask", { command: { resume: "yes", update: { request: "pay 4" } } });
  assert.deepEqual([values.request, values.answer], ["pay 4", "yes"]);
  const other = await asked();
  const parts = await collect(client.runs.stream(other.id, "ask", { command: { goto: "send" }, streamMode: "updates" }));
  assert.ok(dataOf(parts, "updates").some((update) => update.send?.log === "sent"));
  assert.equal((await client.threads.get(other.id)).status, "interrupted", "the question stays open");
});

test("two questions are answered by their ids, or at once", async () => {
  const { thread_id: id } = await newThread("two");
  const { __interrupt__: asked } = await client.runs.wait(id, "two", { input: {} });
  assert.deepEqual(asked.map((i) => i.value), ["left?", "right?"]);
  const still = await client.runs.wait(id, "two", { command: { resume: { [asked[1].id]: "R" } } });
  assert.deepEqual(still.__interrupt__.map((i) => i.value), ["left?"]);
  const values = await client.runs.wait(id, "two", { command: { resume: { [still.__interrupt__[0].id]: "L" } } });
  assert.deepEqual([values.left, values.right, values.log], ["L", "R", ["L and R"]]);
  const { thread_id: other } = await newThread("two");
  await client.runs.wait(other, "two", { input: {} });
  assert.deepEqual((await client.runs.wait(other, "two", { command: { resume: "both" } })).log, ["both and both"]);
});

test("a question of a graph inside is answered from outside", async () => {
  const { thread_id: id } = await newThread("inner_ask");
  const { __interrupt__: [interrupt] } = await client.runs.wait(id, "inner_ask", { input: { request: "pay 5" } });
  assert.deepEqual(interrupt.value, QUESTION);
  assert.equal((await client.runs.wait(id, "inner_ask", { command: { resume: "yes" } })).answer, "yes");
});

test("a new input drops what was asked", async () => {
  const { id } = await asked();
  const { __interrupt__: [interrupt] } = await client.runs.wait(id, "ask", { input: { request: "pay 6" } });
  assert.equal(interrupt.value.request, "pay 6");
});

test("without a thread nobody can be asked", async () => {
  await assert.rejects(client.runs.wait(null, "ask", { input: { request: "x" } }), /thread/);
});
