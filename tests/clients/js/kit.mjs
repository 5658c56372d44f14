// What the tests share: a client of the line that is tested, and small helpers.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

export const url = process.env.ANABRANCH_URL;
export const line = Number(process.env.SDK_LINE);
export const sdk = `sdk-${line}`; // the alias in package.json
export const { Client } = await import(sdk);

export const newClient = (more = {}) => new Client({ apiUrl: url, apiKey: null, ...more });
export const client = newClient();

/** The list of what an async generator yields. */
export async function collect(parts) {
  const list = [];
  for await (const part of parts) list.push(part);
  return list;
}

/** Only the data of the parts with this event. */
export const dataOf = (parts, event) => parts.filter((part) => part.event === event).map((part) => part.data);

export const newThread = (graphId) => client.threads.create({ graphId });

/** A word that no other test uses: for searches on a server that all tests share. */
export const word = () => `w${randomUUID().replaceAll("-", "")}`;

/** Waits until `isSo` gives something, and gives it. */
export async function until(isSo, what, patienceMs = 10_000) {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const found = await isSo();
    if (found) return found;
    assert.ok(Date.now() < deadline, `waited ${patienceMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
export const UNKNOWN = "01a2045b-0000-7000-8000-000000000000";
