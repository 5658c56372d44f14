// useStream: what a chat page does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { UUID, client, line, newThread, until } from "./kit.mjs";
import { page, storage } from "./hook.mjs";

const human = (content) => ({ messages: [{ type: "human", content }] });
const texts = (hook) => hook.messages.map((m) => [m.type, m.content]);

test("messages grow while they come, and loading ends", async () => {
  const told = {};
  const view = await page({
    assistantId: "chat",
    onThreadId: (id) => { told.thread = id; },
    onCreated: (run) => { told.run = run; },
    onFinish: (state) => { told.state = state; },
    onError: (error) => { told.error = error; },
  }, (hook) => ({ isLoading: hook.isLoading, text: hook.messages.at(-1)?.type === "ai" ? hook.messages.at(-1).content : "" }));
  assert.deepEqual(view.now.messages, []);
  await view.now.submit(human("hello"));
  await view.until((hook) => !hook.isLoading && told.state, "the end");
  assert.equal(told.error, undefined);
  assert.match(told.thread, UUID);
  const state = await client.threads.getState(told.thread);
  assert.deepEqual(texts(view.now), state.values.messages.map((m) => [m.type, m.content]));
  assert.deepEqual(told.state.values.messages, state.values.messages);
  assert.equal(told.run.thread_id, told.thread);
  assert.equal((await client.runs.get(told.thread, told.run.run_id)).status, "success");
  const grown = view.seen.filter((s) => s.isLoading && s.text !== "").map((s) => s.text);
  assert.ok(grown.length > 3, JSON.stringify(view.seen));
  for (let n = 1; n < grown.length; n++) assert.ok(grown[n].startsWith(grown[n - 1]), `${grown[n - 1]} -> ${grown[n]}`);
  assert.equal(view.seen.at(-1).isLoading, false);
  view.leave();
});

test("a second question goes on with the conversation", async () => {
  const view = await page({ assistantId: "chat" });
  await view.now.submit(human("one"));
  await view.until((hook) => hook.messages.length === 2 && !hook.isLoading, "the first answer");
  await view.now.submit(human("two"), { optimisticValues: (before) => ({ messages: [...before.messages, { type: "human", content: "two", id: "new" }] }) });
  await view.until((hook) => hook.messages.length === 4 && !hook.isLoading, "the second answer");
  assert.deepEqual(view.now.messages.map((m) => m.type), ["human", "ai", "human", "ai"]);
  assert.match(view.now.messages[3].content, /"two"/);
  view.leave();
});

test("a thread that is there is shown, and another one after it", async () => {
  const ids = [];
  for (const q of ["first", "second"]) {
    const { thread_id } = await newThread("chat");
    await client.runs.wait(thread_id, "chat", { input: human(q) });
    ids.push(thread_id);
  }
  const view = await page({ assistantId: "chat", threadId: ids[0] });
  await view.until((hook) => hook.messages[0]?.content === "first", "the thread");
  view.show({ threadId: ids[1] });
  await view.until((hook) => hook.messages[0]?.content === "second", "the other thread");
  view.leave();
});

test("stop ends the run on the server, too", async () => {
  let run;
  const view = await page({ assistantId: "slow", onCreated: (ids) => { run = ids; } });
  const submitted = view.now.submit({ ms: 60_000 });
  await view.until((hook) => hook.values.log?.includes("before"), "the first node");
  assert.equal(view.now.isLoading, true);
  await view.now.stop();
  await submitted;
  await view.until((hook) => !hook.isLoading, "the end of loading");
  await until(async () => (await client.runs.get(run.thread_id, run.run_id)).status === "interrupted", "the run's end");
  assert.equal(view.now.error, undefined);
  view.leave();
});

test("an interrupt is shown, and answered", async () => {
  const view = await page({ assistantId: "ask" });
  await view.now.submit({ request: "pay 5" });
  await view.until((hook) => hook.interrupt && !hook.isLoading, "the question");
  assert.deepEqual(view.now.interrupt.value, { question: "Approve?", request: "pay 5" });
  await view.now.submit(undefined, { command: { resume: "yes" } });
  await view.until((hook) => !hook.interrupt && !hook.isLoading, "the answer's end");
  assert.deepEqual([view.now.values.answer, view.now.values.log], ["yes", ["prepared", "sent"]]);
  view.leave();
});

test("an interrupt is there again when the page is loaded again", async () => {
  const { thread_id: threadId } = await newThread("ask");
  await client.runs.wait(threadId, "ask", { input: { request: "pay 5" } });
  for (const fetchStateHistory of [true, false]) {
    const view = await page({ assistantId: "ask", threadId, fetchStateHistory });
    await view.until((hook) => hook.interrupt, "the question");
    assert.equal(view.now.interrupt.value.question, "Approve?");
    view.leave();
  }
});

test("two questions are shown together", { skip: line !== 1 }, async () => {
  const view = await page({ assistantId: "two" });
  await view.now.submit({});
  await view.until((hook) => hook.interrupts.length === 2 && !hook.isLoading, "the questions");
  const answers = Object.fromEntries(view.now.interrupts.map((i) => [i.id, i.value]));
  await view.now.submit(undefined, { command: { resume: answers } });
  await view.until((hook) => hook.values.log?.length === 1 && !hook.isLoading, "the end");
  assert.deepEqual(view.now.values.log, ["left? and right?"]);
  view.leave();
});

test("history and branches: a question is asked anew from where it was", async () => {
  const view = await page({ assistantId: "chat", fetchStateHistory: true });
  await view.now.submit(human("first"));
  await view.until((hook) => !hook.isLoading && hook.history.length >= 3, "the history");
  const [message] = view.now.messages;
  const { firstSeenState } = view.now.getMessagesMetadata(message, 0);
  assert.equal(firstSeenState.values.messages.length, 1);
  await view.now.submit(human("other"), { checkpoint: firstSeenState.parent_checkpoint });
  await view.until((hook) => !hook.isLoading && hook.messages[0]?.content === "other" && hook.getMessagesMetadata(hook.messages[0], 0)?.branchOptions?.length === 2, "two branches");
  const { branch, branchOptions } = view.now.getMessagesMetadata(view.now.messages[0], 0);
  view.now.setBranch(branchOptions.find((option) => option !== branch));
  await view.until((hook) => hook.messages[0]?.content === "first", "the first branch");
  assert.deepEqual(view.now.messages.map((m) => m.type), ["human", "ai"]);
  await view.now.submit(human("and then?"));
  await view.idle();
  const { values } = await client.threads.getState(firstSeenState.checkpoint.thread_id);
  assert.deepEqual(values.messages.map((m) => m.content).filter((c) => c.length < 10), ["first", "and then?"], "the branch that was shown goes on");
  view.leave();
});

test("a run that fails is an error of the page", async () => {
  let told;
  const view = await page({ assistantId: "boom", onError: (error) => { told = error; } });
  await view.now.submit({ n: 1 }).catch(() => {});
  await view.until((hook) => hook.error && !hook.isLoading, "the error");
  assert.match(String(view.now.error.message), /node exploded/);
  assert.match(String(told.message), /node exploded/);
  view.leave();
});

test("an error is there again when the page is loaded again", async () => {
  const { thread_id: threadId } = await newThread("boom");
  await client.runs.wait(threadId, "boom", { input: { n: 1 }, raiseError: false });
  const view = await page({ assistantId: "boom", threadId, fetchStateHistory: true });
  await view.until((hook) => hook.error, "the error");
  assert.match(String(view.now.error.message ?? view.now.error), /node exploded/);
  view.leave();
});

test("callbacks get the events of their modes", async () => {
  const got = { custom: [], updates: [], metadata: [], tasks: [], checkpoints: [], debug: [], events: [] };
  const view = await page({
    assistantId: "custom",
    onCustomEvent: (data) => got.custom.push(data),
    onUpdateEvent: (data) => got.updates.push(data),
    onMetadataEvent: (data) => got.metadata.push(data),
    onTaskEvent: (data) => got.tasks.push(data),
    onCheckpointEvent: (data) => got.checkpoints.push(data),
    onDebugEvent: (data) => got.debug.push(data),
    onLangChainEvent: (data) => got.events.push(data),
  });
  await view.now.submit({ topic: "t" });
  await view.idle();
  assert.deepEqual(got.custom, [{ percent: 50 }, "done"]);
  assert.deepEqual(got.updates.map((u) => Object.keys(u)[0]), ["tell", "call"]);
  assert.match(got.metadata[0].run_id, UUID);
  assert.equal(got.tasks.length, 4);
  assert.equal(got.checkpoints.length, 4);
  assert.ok(got.debug.length > 4 && got.events.length > 4);
  view.leave();
});

test("tool calls are shown with their results", async () => {
  const view = await page({ assistantId: "custom" });
  await view.now.submit({ topic: "t" });
  await view.until((hook) => hook.messages.length === 2 && !hook.isLoading, "the messages");
  const [call] = view.now.toolCalls;
  assert.deepEqual([call.call.name, call.call.args, call.result.content, call.state], ["weather", { city: "Oslo" }, "cold", "completed"]);
  view.leave();
});

test("a page that is left and comes back goes on reading the run", async () => {
  storage.clear();
  const { thread_id: threadId } = await newThread("slow");
  const options = { assistantId: "slow", threadId, reconnectOnMount: () => storage };
  const first = await page(options);
  first.now.submit({ ms: 400 });
  await first.until((hook) => hook.values.log?.includes("before"), "the first node");
  first.leave();
  const [run] = await client.runs.list(threadId);
  assert.equal(run.status, "running");
  const second = await page(options);
  await second.until((hook) => hook.values.log?.includes("after") && !hook.isLoading, "the end of the run");
  assert.equal((await client.runs.list(threadId)).length, 1);
  second.leave();
});

test("joinStream reads a run that somebody else has begun", async () => {
  const { thread_id: threadId } = await newThread("chat");
  const run = await client.runs.create(threadId, "chat", { input: human("hello") });
  const view = await page({ assistantId: "chat", threadId });
  await view.now.joinStream(run.run_id, "-1");
  await view.until((hook) => hook.messages.length === 2 && !hook.isLoading, "the answer");
  const { values } = await client.threads.getState(threadId);
  assert.deepEqual(texts(view.now), values.messages.map((m) => [m.type, m.content]));
  view.leave();
});

test("graphs inside stream their tokens into the page", async () => {
  const view = await page({ assistantId: "parent" }, (hook) => hook.messages.at(-1)?.content);
  await view.now.submit(human("hi"), { streamSubgraphs: true });
  await view.until((hook) => hook.messages.length === 2 && !hook.isLoading, "the answer");
  assert.ok(view.seen.length > 4);
  view.leave();
});

// The hook of the older line sends it only when the one before has ended.
test("a question that comes in between takes the place of the one before", { skip: line !== 1 }, async () => {
  const runs = [];
  const view = await page({ assistantId: "slow", onCreated: (run) => runs.push(run) });
  const first = view.now.submit({ ms: 60_000 });
  await view.until((hook) => hook.values.log?.length === 1, "the first node");
  const second = view.now.submit({ ms: 1 }, { multitaskStrategy: "interrupt" });
  await Promise.all([first, second]);
  await view.until((hook) => !hook.isLoading && hook.values.log?.includes("after"), "the second run");
  assert.deepEqual(view.now.values.log, ["before", "before", "paused", "after"]);
  const [last, before] = await client.runs.list(runs[0].thread_id);
  assert.deepEqual([last.status, before.status], ["success", "interrupted"]);
  view.leave();
});

test("a question that comes in between may wait for its turn", async () => {
  const runs = [];
  const view = await page({ assistantId: "slow", onCreated: (run) => runs.push(run) });
  const first = view.now.submit({ ms: 200 });
  await view.until((hook) => hook.values.log?.length === 1, "the first node");
  const second = view.now.submit({ ms: 1 }, { multitaskStrategy: "enqueue" });
  await Promise.all([first, second]);
  await view.until((hook) => !hook.isLoading && hook.values.log?.length === 6, "the second run");
  assert.deepEqual(view.now.values.log, ["before", "paused", "after", "before", "paused", "after"]);
  assert.deepEqual((await client.runs.list(runs[0].thread_id)).map((run) => run.status), ["success", "success"]);
  view.leave();
});
