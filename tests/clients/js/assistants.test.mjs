// client.assistants: every method.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { MOMENT, UNKNOWN, UUID, client, word } from "./kit.mjs";

test("every graph has an assistant, found by its name and by its id", async () => {
  const byName = await client.assistants.get("seq");
  assert.match(byName.assistant_id, UUID);
  assert.match(byName.created_at, MOMENT);
  assert.match(byName.updated_at, MOMENT);
  const { assistant_id, created_at, updated_at, description, ...rest } = byName;
  assert.deepEqual(rest, { graph_id: "seq", name: "seq", version: 1, config: {}, context: {}, metadata: { created_by: "system" } });
  assert.deepEqual(await client.assistants.get(assistant_id), byName);
});

test("an unknown assistant is a 404 in the protocol's words", async () => {
  await assert.rejects(client.assistants.get(UNKNOWN), /HTTP 404: Assistant not found/);
});

test("search finds by graph, name and metadata, sorts, selects and pages", async () => {
  const team = word();
  for (const name of ["b", "a", "c"]) await client.assistants.create({ graphId: "seq", name: `${team} ${name}`, metadata: { team } });
  const names = (list) => list.map((a) => a.name.slice(-1)).join("");
  assert.equal(names(await client.assistants.search({ metadata: { team } })), "cab", "newest first");
  assert.equal(names(await client.assistants.search({ metadata: { team }, sortBy: "name", sortOrder: "asc" })), "abc");
  assert.equal(names(await client.assistants.search({ name: `${team.toUpperCase()} B` })), "b", "part of the name, in any case");
  assert.equal(names(await client.assistants.search({ metadata: { team }, limit: 1, offset: 1 })), "a");
  assert.deepEqual(await client.assistants.search({ metadata: { team }, graphId: "chat" }), []);
  const [only] = await client.assistants.search({ metadata: { team }, limit: 1, select: ["name"] });
  assert.deepEqual(Object.keys(only), ["name"]);
  const page = await client.assistants.search({ metadata: { team }, limit: 2, includePagination: true });
  assert.equal(names(page.assistants), "ca");
  assert.equal(page.next, "2");
  const last = await client.assistants.search({ metadata: { team }, limit: 2, offset: 2, includePagination: true });
  assert.deepEqual([names(last.assistants), last.next], ["b", null]);
});

test("count counts what search finds", async () => {
  const team = word();
  assert.equal(await client.assistants.count({ metadata: { team } }), 0);
  await client.assistants.create({ graphId: "seq", metadata: { team }, name: team });
  await client.assistants.create({ graphId: "chat", metadata: { team } });
  assert.equal(await client.assistants.count({ metadata: { team } }), 2);
  assert.equal(await client.assistants.count({ metadata: { team }, graphId: "chat" }), 1);
  assert.equal(await client.assistants.count({ name: team }), 1);
});

test("create keeps what it is given", async () => {
  const given = {
    graphId: "seq",
    assistantId: randomUUID(),
    config: { tags: ["t"], recursion_limit: 9, configurable: { model: "m" } },
    context: { user: "ada" },
    metadata: { k: 1 },
    name: "mine",
    description: "for tests",
  };
  const made = await client.assistants.create(given);
  assert.deepEqual(
    [made.assistant_id, made.graph_id, made.config, made.context, made.metadata, made.name, made.description, made.version],
    [given.assistantId, "seq", given.config, given.context, given.metadata, "mine", "for tests", 1],
  );
  await assert.rejects(client.assistants.create({ ...given, ifExists: "raise" }), /HTTP 409: Assistant already exists/);
  const again = await client.assistants.create({ ...given, name: "other", ifExists: "do_nothing" });
  assert.deepEqual(again, made);
});

test("update makes a new version, and setLatest goes back", async () => {
  const first = await client.assistants.create({ graphId: "seq", name: "one", metadata: { a: 1 } });
  const id = first.assistant_id;
  const second = await client.assistants.update(id, { name: "two", metadata: { b: 2 }, config: { configurable: { x: 1 } } });
  assert.deepEqual([second.version, second.name, second.metadata], [2, "two", { a: 1, b: 2 }]);
  const versions = await client.assistants.getVersions(id);
  assert.deepEqual(versions.map((v) => [v.version, v.name, v.config]), [[2, "two", { configurable: { x: 1 } }], [1, "one", {}]]);
  assert.deepEqual((await client.assistants.getVersions(id, { limit: 1, offset: 1 })).map((v) => v.version), [1]);
  assert.deepEqual((await client.assistants.getVersions(id, { metadata: { b: 2 } })).map((v) => v.version), [2]);
  const latest = await client.assistants.setLatest(id, 1);
  assert.deepEqual([latest.version, latest.name], [1, "one"]);
  assert.equal((await client.assistants.get(id)).name, "one");
  await assert.rejects(client.assistants.setLatest(id, 7), /HTTP 404: Assistant version not found/);
  await assert.rejects(client.assistants.update(UNKNOWN, { name: "x" }), /HTTP 404: Assistant not found/);
});

test("delete forgets it", async () => {
  const { assistant_id: id } = await client.assistants.create({ graphId: "seq" });
  await client.assistants.delete(id);
  await assert.rejects(client.assistants.get(id), /HTTP 404/);
  await assert.rejects(client.assistants.delete(id), /HTTP 404/);
});

test("delete with deleteThreads takes its threads along", async () => {
  const { assistant_id: id } = await client.assistants.create({ graphId: "seq" });
  const thread = await client.threads.create();
  await client.runs.wait(thread.thread_id, id, { input: { topic: "t" } });
  await client.assistants.delete(id, { deleteThreads: true });
  await assert.rejects(client.threads.get(thread.thread_id), /HTTP 404/);
});

test("getGraph draws the graph", async () => {
  const drawn = await client.assistants.getGraph("seq");
  assert.deepEqual(drawn.nodes.map((n) => n.id), ["__start__", "draft", "polish", "__end__"]);
  assert.deepEqual(drawn.edges.map((e) => [e.source, e.target]), [["__start__", "draft"], ["draft", "polish"], ["polish", "__end__"]]);
  const closed = await client.assistants.getGraph("parent");
  assert.ok(closed.nodes.some((n) => n.id === "child"));
  const open = await client.assistants.getGraph("parent", { xray: true });
  assert.ok(open.nodes.some((n) => n.id === "child:speak"), JSON.stringify(open.nodes));
});

test("getSchemas tells input, output and state", async () => {
  const schemas = await client.assistants.getSchemas("seq");
  assert.equal(schemas.graph_id, "seq");
  assert.equal(schemas.input_schema.properties.topic.type, "string");
  assert.equal(schemas.state_schema.properties.log.type, "array");
  assert.equal(schemas.output_schema.properties.result.type, "string");
});

test("getSubgraphs tells the graphs inside", async () => {
  assert.deepEqual(await client.assistants.getSubgraphs("seq"), {});
  const all = await client.assistants.getSubgraphs("parent");
  assert.deepEqual(Object.keys(all), ["child"]);
  assert.ok(all.child.state.properties.child_note);
  const one = await client.assistants.getSubgraphs("parent", { namespace: "child", recurse: true });
  assert.deepEqual(one, all);
});

test("an assistant's settings reach its runs", async () => {
  const { assistant_id: id } = await client.assistants.create({ graphId: "custom", config: { configurable: { model: "big" } } });
  const values = await client.runs.wait(null, id, { input: { topic: "t" } });
  assert.equal(values.seen.model, "big");
  const other = await client.runs.wait(null, id, { input: { topic: "t" }, config: { configurable: { model: "small" } } });
  assert.equal(other.seen.model, "small");
});
