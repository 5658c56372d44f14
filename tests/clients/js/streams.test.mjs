// client.runs.stream: what each mode tells.
import assert from "node:assert/strict";
import { test } from "node:test";
import { client, collect, dataOf, newThread } from "./kit.mjs";

async function stream(graph, input, options = {}) {
  const { thread_id: id } = await newThread(graph);
  return collect(client.runs.stream(id, graph, { input, ...options }));
}

const namesOf = (parts) => parts.map((part) => part.event);

test("a stream begins with metadata, has ids without gaps, and values by default", async () => {
  const parts = await stream("seq", { topic: "t" });
  assert.deepEqual(namesOf(parts), ["metadata", "values", "values", "values"]);
  assert.deepEqual(parts.map((part) => part.id), ["0", "1", "2", "3"]);
  assert.deepEqual(Object.keys(parts[0].data).sort(), ["attempt", "run_id"]);
  assert.equal(parts[0].data.attempt, 1);
  assert.deepEqual(dataOf(parts, "values"), [
    { topic: "t", log: [] },
    { topic: "t", log: ["draft:t"] },
    { topic: "t", log: ["draft:t", "polish"], result: "t!" },
  ]);
});

test("a stateless stream tells the same, without ids", async () => {
  const parts = await collect(client.runs.stream(null, "seq", { input: { topic: "t" }, streamMode: ["values", "updates"] }));
  assert.equal(parts[0].event, "metadata");
  assert.deepEqual(dataOf(parts, "values").at(-1).result, "t!");
  assert.deepEqual(dataOf(parts, "updates"), [{ draft: { log: "draft:t" } }, { polish: { log: "polish", result: "t!" } }]);
  assert.ok(parts.every((part) => part.id === undefined));
});

test("a stateless run ends well whatever onCompletion says", async () => {
  for (const onCompletion of ["delete", "complete", "continue"]) {
    const parts = await collect(client.runs.stream(null, "seq", { input: { topic: "t" }, onCompletion }));
    assert.equal(dataOf(parts, "values").at(-1).result, "t!");
  }
});

test("messages-tuple tells tokens, which make up the message", async () => {
  const parts = await stream("chat", { messages: "hello" }, { streamMode: ["messages-tuple", "values"] });
  const chunks = dataOf(parts, "messages");
  assert.ok(chunks.length > 8, `${chunks.length} chunks`);
  const final = dataOf(parts, "values").at(-1).messages.at(-1);
  assert.equal(chunks.map(([chunk]) => chunk.content).join(""), final.content);
  for (const [chunk, metadata] of chunks) {
    assert.equal(chunk.id, final.id);
    assert.ok(["ai", "AIMessageChunk"].includes(chunk.type), chunk.type);
    assert.deepEqual([metadata.langgraph_node, metadata.langgraph_step, metadata.run_id], ["model", 1, parts[0].data.run_id]);
    assert.match(metadata.checkpoint_ns, /^model:/);
  }
});

test("messages-tuple tells whole messages of nodes once", async () => {
  const parts = await stream("custom", {}, { streamMode: "messages-tuple" });
  assert.deepEqual(dataOf(parts, "messages").map(([m]) => [m.type, m.id]), [["ai", "call"], ["tool", "told"]]);
});

test("messages in the older form grow", async () => {
  const parts = await stream("chat", { messages: "hello" }, { streamMode: "messages" });
  const partial = dataOf(parts, "messages/partial").map(([m]) => m.content);
  assert.ok(partial.length > 8);
  for (let n = 1; n < partial.length; n++) assert.ok(partial[n].startsWith(partial[n - 1]));
  const [metadata] = dataOf(parts, "messages/metadata");
  assert.equal(Object.values(metadata)[0].metadata.langgraph_node, "model");
  assert.deepEqual(dataOf(parts, "messages/complete").flat().map((m) => m.type), ["human", "ai"]);
});

test("updates tell what each node writes", async () => {
  const parts = await stream("seq", { topic: "t" }, { streamMode: "updates" });
  assert.deepEqual(dataOf(parts, "updates"), [{ draft: { log: "draft:t" } }, { polish: { log: "polish", result: "t!" } }]);
});

test("custom tells what a node says", async () => {
  const parts = await stream("custom", {}, { streamMode: ["custom"] });
  assert.deepEqual(dataOf(parts, "custom"), [{ percent: 50 }, "done"]);
});

test("tasks tell each node's begin and end", async () => {
  const parts = dataOf(await stream("seq", { topic: "t" }, { streamMode: "tasks" }), "tasks");
  assert.deepEqual(parts.map((t) => [t.name, "result" in t]), [["draft", false], ["draft", true], ["polish", false], ["polish", true]]);
  assert.equal(parts[0].id, parts[1].id);
  assert.deepEqual(parts[0].triggers, ["branch:to:draft"]);
  assert.deepEqual(parts[3].result, { log: "polish", result: "t!" });
});

test("checkpoints and debug tell the steps", async () => {
  const parts = await stream("seq", { topic: "t" }, { streamMode: ["checkpoints", "debug"] });
  const checkpoints = dataOf(parts, "checkpoints");
  assert.deepEqual(checkpoints.map((c) => c.metadata.step), [-1, 0, 1, 2]);
  assert.deepEqual(checkpoints.map((c) => c.next), [["__start__"], ["draft"], ["polish"], []]);
  const debug = dataOf(parts, "debug");
  assert.deepEqual(debug.map((d) => d.type).slice(0, 5), ["checkpoint", "checkpoint", "task", "task_result", "checkpoint"]);
});

test("events tell what chains and models do", async () => {
  const parts = dataOf(await stream("chat", { messages: "hello" }, { streamMode: "events" }), "events");
  const kinds = parts.map((e) => e.event);
  assert.equal(kinds[0], "on_chain_start");
  assert.equal(kinds.at(-1), "on_chain_end");
  assert.ok(kinds.includes("on_chat_model_start") && kinds.includes("on_chat_model_end"));
  assert.ok(kinds.filter((k) => k === "on_chat_model_stream").length > 8);
});

test("an unknown mode is refused, and not tried again", async () => {
  await assert.rejects(stream("seq", {}, { streamMode: ["values", "nonsense"] }), /HTTP 4\d\d: .*nonsense/);
});

test("streamSubgraphs tells what graphs inside do", async () => {
  const parts = await stream("parent", { messages: "hi" }, { streamMode: ["updates", "messages-tuple", "values"], streamSubgraphs: true });
  const inner = parts.filter((part) => part.event.startsWith("updates|"));
  assert.deepEqual(inner.map((part) => Object.keys(part.data)[0]), ["speak", "tail"]);
  for (const part of inner) assert.match(part.event, /^updates\|child:[0-9a-f-]{36}$/);
  assert.deepEqual(dataOf(parts, "updates").map((u) => Object.keys(u)[0]), ["enter", "child"]);
  assert.ok(parts.filter((part) => part.event.startsWith("messages|child:")).length > 8);
  assert.ok(parts.some((part) => part.event.startsWith("values|child:")));
});

test("without streamSubgraphs only tokens come from inside", async () => {
  const parts = await stream("parent", { messages: "hi" }, { streamMode: ["updates", "messages-tuple"] });
  assert.deepEqual([...new Set(namesOf(parts))].sort(), ["messages", "metadata", "updates"]);
  assert.ok(dataOf(parts, "messages").length > 8);
});

test("interruptBefore and interruptAfter stop the run, and a run without input goes on", async () => {
  const { thread_id: id } = await newThread("seq");
  const parts = await collect(client.runs.stream(id, "seq", { input: { topic: "t" }, interruptBefore: ["polish"] }));
  assert.deepEqual(parts.at(-1).data, { __interrupt__: [] });
  assert.deepEqual((await client.threads.getState(id)).next, ["polish"]);
  assert.equal((await client.threads.get(id)).status, "interrupted");
  const more = await collect(client.runs.stream(id, "seq", { input: null, interruptAfter: "*" }));
  assert.equal(dataOf(more, "values").find((v) => v.result)?.result, "t!");
});

test("feedback keys, durability and tags are taken", async () => {
  const parts = await stream("seq", { topic: "t" }, { feedbackKeys: [], durability: "sync", checkpointDuring: true, config: { tags: ["a"], recursion_limit: 9 } });
  assert.equal(dataOf(parts, "values").at(-1).result, "t!");
});

test("the beats of a silent stream are no events", async () => {
  const parts = await stream("slow", { ms: 500 });
  assert.deepEqual(namesOf(parts), ["metadata", "values", "values", "values", "values"]);
});

test("texts arrive as they are", async () => {
  const topic = "a\u2028b\u2029c \u{1F410}\r\n\tdata: x\n\nid: 7\u0001\"\\";
  const parts = await stream("seq", { topic }, { streamMode: ["values", "custom", "updates", "checkpoints"] });
  assert.equal(dataOf(parts, "values").at(-1).result, `${topic}!`);
  assert.equal(dataOf(parts, "checkpoints").at(-1).values.topic, topic);
  assert.equal((await client.runs.wait(null, "seq", { input: { topic } })).result, `${topic}!`);
});

test("numbers arrive as they are", async () => {
  for (const answer of [0.1, 1e21, -0.5, 9007199254740991, 5e-324, [1.5, { deep: [[]] }]]) {
    const { thread_id: id } = await newThread("ask");
    await client.runs.wait(id, "ask", { input: { request: "n" } });
    assert.deepEqual((await client.runs.wait(id, "ask", { command: { resume: answer } })).answer, answer);
  }
});
