// Readers that come late, come back, or are two.
import assert from "node:assert/strict";
import { test } from "node:test";
import { client, collect, dataOf, newClient, newThread, until, url } from "./kit.mjs";
import { cuttingProxy } from "./proxy.mjs";

const MODES = ["values", "messages-tuple", "updates"];
const input = { messages: "hello" };

async function finished(options = {}) {
  const { thread_id: id } = await newThread("chat");
  const parts = await collect(client.runs.stream(id, "chat", { input, streamMode: MODES, ...options }));
  return { id, run: parts[0].data.run_id, parts };
}

/** Does what `read` does through a connection that breaks in the middle of an event. */
async function cut(read, options = {}) {
  const proxy = await cuttingProxy(url, "\nid: 7\n", 20);
  try {
    const own = newClient({ apiUrl: proxy.url, ...options });
    const parts = await read(own);
    assert.ok(proxy.isCut);
    return { parts, heads: proxy.heads };
  } finally {
    proxy.close();
  }
}

for (const streamResumable of [true, false]) {
  test(`a stream that breaks goes on where it was, streamResumable ${streamResumable}`, async () => {
    const { thread_id: id } = await newThread("chat");
    const { parts, heads } = await cut((own) => collect(own.runs.stream(id, "chat", { input, streamMode: MODES, streamResumable })));
    assert.deepEqual(parts.map((part) => Number(part.id)), parts.map((_, n) => n), "nothing twice, nothing missing");
    const all = await collect(client.runs.joinStream(id, parts[0].data.run_id, { lastEventId: "-1" }));
    assert.deepEqual(parts, all, "what an undisturbed reader gets");
    const back = heads.find((head) => head.startsWith("GET ") && /last-event-id/i.test(head));
    assert.match(back, new RegExp(`^GET /threads/${id}/runs/[^/?]+/stream`));
    assert.match(back, /last-event-id: [67]\b/i);
    assert.equal(heads.filter((head) => head.startsWith("POST ")).length, 1, "the run is not started again");
  });
}

test("a joined stream that breaks goes on where it was, with the modes that it had", async () => {
  const { id, run, parts: all } = await finished();
  const { parts } = await cut((own) => collect(own.runs.joinStream(id, run, { lastEventId: "-1", streamMode: ["messages-tuple", "values"] })));
  assert.deepEqual(parts, all.filter((part) => part.event !== "updates"));
});

test("a stateless stream cannot come back, and says so", async () => {
  const mark = await cuttingProxy(url, "event: updates", 0);
  const own = newClient({ apiUrl: mark.url });
  await assert.rejects(collect(own.runs.stream(null, "chat", { input, streamMode: ["updates", "messages-tuple"] })));
  mark.close();
});

test("joinStream reads from the start, from an id, and after the end", async () => {
  const { id, run, parts } = await finished({ streamResumable: true });
  assert.deepEqual(await collect(client.runs.joinStream(id, run)), parts);
  assert.deepEqual(await collect(client.runs.joinStream(id, run, { lastEventId: "-1" })), parts);
  assert.deepEqual(await collect(client.runs.joinStream(id, run, { lastEventId: "5" })), parts.slice(6));
  assert.deepEqual(await collect(client.runs.joinStream(id, run, { lastEventId: parts.at(-1).id })), []);
  const values = await collect(client.runs.joinStream(id, run, { streamMode: "values" }));
  assert.deepEqual(dataOf(values, "values"), dataOf(parts, "values"));
  assert.deepEqual(values.filter((part) => !["values", "metadata"].includes(part.event)), []);
});

test("two readers of one run get the same", async () => {
  const { thread_id: id } = await newThread("chat");
  const run = await client.runs.create(id, "chat", { input, streamMode: MODES });
  const [one, two] = await Promise.all([1, 2].map(() => collect(client.runs.joinStream(id, run.run_id))));
  assert.deepEqual(one, two);
  assert.deepEqual(one.map((part) => Number(part.id)), one.map((_, n) => n));
  assert.equal(dataOf(one, "messages").map(([chunk]) => chunk.content).join(""), dataOf(one, "values").at(-1).messages.at(-1).content);
});

test("a run in the background holds all modes for who joins", async () => {
  const { thread_id: id } = await newThread("chat");
  const run = await client.runs.create(id, "chat", { input });
  const parts = await collect(client.runs.joinStream(id, run.run_id, { streamMode: ["updates", "messages-tuple"] }));
  assert.deepEqual([...new Set(parts.map((part) => part.event))].sort(), ["messages", "metadata", "updates"]);
});

test("a run goes on when its reader leaves, unless onDisconnect says cancel", async () => {
  for (const [onDisconnect, status] of [["continue", "success"], ["cancel", "interrupted"]]) {
    const { thread_id: id } = await newThread("slow");
    const leave = new AbortController();
    let run;
    const reading = collect(client.runs.stream(id, "slow", {
      input: { ms: onDisconnect === "cancel" ? 60_000 : 300 }, onDisconnect, signal: leave.signal, onRunCreated: (ids) => { run = ids.run_id; },
    }));
    await until(async () => run && (await client.threads.getState(id)).next.includes("pause"), "the pause");
    leave.abort();
    await reading.catch(() => {});
    await until(async () => (await client.runs.get(id, run)).status === status, `the end as ${status}`);
  }
});

test("cancelOnDisconnect of a joined stream cancels the run", async () => {
  const { thread_id: id } = await newThread("slow");
  const run = await client.runs.create(id, "slow", { input: {} });
  const leave = new AbortController();
  for await (const part of client.runs.joinStream(id, run.run_id, { signal: leave.signal, cancelOnDisconnect: true })) {
    if (part.data?.log?.includes("before")) break;
  }
  leave.abort();
  await until(async () => (await client.runs.get(id, run.run_id)).status === "interrupted", "the end");
});

test("a stream of a run that is cancelled elsewhere just ends", async () => {
  const { thread_id: id } = await newThread("slow");
  const run = await client.runs.create(id, "slow", { input: {}, streamMode: "values" });
  const events = [];
  for await (const part of client.runs.joinStream(id, run.run_id)) {
    events.push(part.event);
    if (part.data?.log?.includes("before")) await client.runs.cancel(id, run.run_id);
  }
  assert.deepEqual([...new Set(events)], ["metadata", "values"]);
});
