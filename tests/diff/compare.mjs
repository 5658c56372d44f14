// Two traces side by side.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { normalise } from "./normalise.mjs";

const hasNoRun = (lines) => lines.some((line) => line.step < 0);

const beforeBreak = (broken, lines) => (broken === undefined ? lines : lines.filter((line) => line.step <= broken.step));
const breaking = (lines) => lines.find((line) => line.error?.class === "InvalidUpdateError");

// Why the two cannot be compared, or undefined.
export const reasonNotTo = (found) => found.find((line) => "note" in line)?.note;

// Null if the traces are equal, else {expected, found, isBroken, isRefused}. isBroken: one of them has no run to compare; isRefused: the first.
export function compare(expected, found) {
  const isBroken = hasNoRun(expected) || hasNoRun(found);
  if (isBroken) {
    const [a, b] = [expected, found].map((lines) => lines.map((line) => JSON.stringify(line)));
    return { expected: a, found: b, isBroken, isRefused: hasNoRun(expected) };
  }
  // After an update that failed the reference's thread is broken (defect 4): what comes later is not compared.
  const [a, b] = [expected, found].map((lines) => normalise(beforeBreak(breaking(expected), lines)));
  return a.join("\n") === b.join("\n") ? null : { expected: a, found: b, isBroken, isRefused: false };
}

const isNote = (line) => "note" in line;

// Besides: what the reference says otherwise or not at all, as a sorted list. Of errors the first line, without Lua's traceback and the thread's number.
function details(lines) {
  const all = lines.flatMap(({ step, note, error, event, data }) => {
    if (note) return [{ step, note }];
    if (error) return [{ step, message: error.message.split("\n")[0].replace(/case-\d+/, "case") }];
    return event === "tasks" && "triggers" in data ? [{ step, task: data.name, triggers: data.triggers }] : [];
  });
  return all.map((item) => JSON.stringify(item)).sort();
}

// Lua keeps no order of keys, so fields are written in the order of their names. A task that gives several results tells its writes one by one.
function sortedWrites(value) {
  if (Array.isArray(value)) {
    const field = (write) => Object.keys(write)[0];
    const isWrites = value.every((write) => write !== null && typeof write === "object" && !Array.isArray(write) && Object.keys(write).length === 1);
    const items = value.map(sortedWrites);
    return isWrites ? items.sort((a, b) => (field(a) < field(b) ? -1 : field(a) > field(b) ? 1 : 0)) : items;
  }
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, sortedWrites(member)]));
}

// The same of two forms of a case that the engine has answered. They must agree in everything, also in what is not comparable with the reference; but where an
// update that failed in a subgraph has cancelled what ran beside it, at any moment, what comes later is not compared.
export function compareForms(testCase, ...forms) {
  const [expected, found] = forms.map((lines) => lines.map(sortedWrites));
  const isBroken = hasNoRun(expected) || hasNoRun(found);
  const hasChildren = Object.values(testCase.graph.nodes).some(({ kind }) => kind === "graph");
  const broken = hasChildren ? breaking(expected) : undefined;
  const text = (lines) => [...normalise(lines.filter((line) => !isNote(line))), ...details(lines)];
  const [a, b] = [expected, found].map((lines) => (isBroken ? lines.map((line) => JSON.stringify(line)) : text(beforeBreak(broken, lines))));
  return a.join("\n") === b.join("\n") ? null : { expected: a, found: b, isBroken, isRefused: hasNoRun(expected) };
}

export function unified({ expected, found }, names) {
  const folder = mkdtempSync(join(tmpdir(), "diff-"));
  const files = [expected, found].map((lines, i) => {
    writeFileSync(join(folder, String(i)), `${lines.join("\n")}\n`);
    return join(folder, String(i));
  });
  const made = spawnSync("diff", ["-U2", "--label", names[0], "--label", names[1], ...files], { encoding: "utf8" });
  rmSync(folder, { recursive: true });
  return made.stdout;
}
