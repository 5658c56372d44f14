// Two traces side by side.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { normalise } from "./normalise.mjs";

const hasNoRun = (lines) => lines.some((line) => line.step < 0);

// After an update that failed the reference's thread is broken (defect 4): what comes later is not compared.
function comparable(expected, lines) {
  const broken = expected.find((line) => line.error?.class === "InvalidUpdateError");
  return broken === undefined ? lines : lines.filter((line) => line.step <= broken.step);
}

// Why the two cannot be compared, or undefined.
export const reasonNotTo = (found) => found.find((line) => "note" in line)?.note;

// Null if the traces are equal, else {expected, found, isBroken, isRefused}. isBroken: one of them has no run to compare; isRefused: the first.
export function compare(expected, found) {
  const isBroken = hasNoRun(expected) || hasNoRun(found);
  if (isBroken) {
    const [a, b] = [expected, found].map((lines) => lines.map((line) => JSON.stringify(line)));
    return { expected: a, found: b, isBroken, isRefused: hasNoRun(expected) };
  }
  const [a, b] = [expected, found].map((lines) => normalise(comparable(expected, lines)));
  return a.join("\n") === b.join("\n") ? null : { expected: a, found: b, isBroken, isRefused: false };
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
