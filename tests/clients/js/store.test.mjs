// client.store: every method.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MOMENT, client, word } from "./kit.mjs";

test("an item is put, got, changed and deleted", async () => {
  const place = [word(), "notes"];
  assert.equal(await client.store.putItem(place, "k", { text: "hello", n: 0.1 }), undefined);
  const item = await client.store.getItem(place, "k");
  assert.deepEqual([item.namespace, item.key, item.value], [place, "k", { text: "hello", n: 0.1 }]);
  assert.match(item.createdAt, MOMENT);
  assert.match(item.updatedAt, MOMENT);
  await client.store.putItem(place, "k", { text: "again" });
  const changed = await client.store.getItem(place, "k", { refreshTtl: true });
  assert.deepEqual([changed.value, changed.createdAt], [{ text: "again" }, item.createdAt]);
  assert.ok(changed.updatedAt >= item.updatedAt);
  assert.equal(await client.store.deleteItem(place, "k"), undefined);
  assert.equal(await client.store.getItem(place, "k"), null);
  assert.equal(await client.store.deleteItem(place, "k"), undefined, "twice does no harm");
});

test("an item may have a time to live, and an index setting", async () => {
  const place = [word()];
  await client.store.putItem(place, "k", { a: 1 }, { ttl: 60, index: false });
  assert.deepEqual((await client.store.getItem(place, "k", { refreshTtl: false })).value, { a: 1 });
});

test("search goes by namespace, filter, limit and offset", async () => {
  const root = word();
  for (const [n, sub] of [[1, "a"], [2, "a"], [3, "b"]]) await client.store.putItem([root, sub], `k${n}`, { n, even: n % 2 === 0 });
  const keys = async (prefix, options) => (await client.store.searchItems(prefix, options)).items.map((i) => i.key).sort().join(" ");
  assert.equal(await keys([root]), "k1 k2 k3");
  assert.equal(await keys([root, "a"]), "k1 k2");
  assert.equal(await keys([root], { filter: { even: true } }), "k2");
  assert.equal(await keys([root], { filter: { n: { $gte: 2 } } }), "k2 k3");
  assert.equal(await keys([root], { query: "anything" }), "k1 k2 k3", "there is no index of vectors");
  assert.equal((await client.store.searchItems([root], { limit: 2 })).items.length, 2);
  assert.equal((await client.store.searchItems([root], { limit: 2, offset: 2 })).items.length, 1);
  const [item] = (await client.store.searchItems([root, "b"])).items;
  assert.deepEqual([item.namespace, item.key, item.value], [[root, "b"], "k3", { n: 3, even: false }]);
  assert.match(item.createdAt, MOMENT);
});

test("listNamespaces goes by prefix, suffix and depth", async () => {
  const root = word();
  for (const rest of [["a", "x"], ["a", "y"], ["b", "x"]]) await client.store.putItem([root, ...rest], "k", {});
  const list = async (options) => (await client.store.listNamespaces(options)).namespaces.map((n) => n.slice(1).join("."));
  assert.deepEqual((await list({ prefix: [root] })).sort(), ["a.x", "a.y", "b.x"]);
  assert.deepEqual((await list({ prefix: [root], suffix: ["x"] })).sort(), ["a.x", "b.x"]);
  assert.deepEqual((await list({ prefix: [root], maxDepth: 2 })).sort(), ["a", "b"]);
  assert.equal((await list({ prefix: [root], limit: 1, offset: 1 })).length, 1);
});

test("what is wrong is refused with words, and not tried again", async () => {
  await assert.rejects(client.store.putItem([], "k", {}), /HTTP 400: .*[Nn]amespace/);
  await assert.rejects(client.store.putItem([""], "k", {}), /HTTP 422/);
  await assert.rejects(client.store.putItem([word()], "k", 7), /HTTP 400/);
});
