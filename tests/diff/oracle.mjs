// Runs cases on LangGraph.js: a case per line on stdin, its trace on stdout (FORMAT.md). Cases that wait
// leave the time to others, so the traces come in the order of finishing.
import { createInterface } from "node:readline";
import { runCase } from "./oracle/steps.mjs";

for (const name of ["log", "info", "warn", "error"]) console[name] = () => {}; // stdout is the trace
delete process.env.LANGSMITH_TRACING;

// A stream that fails drops what nobody has read yet; how much that is hangs on the clock. So a failure waits for the readers.
const fail = ReadableStreamDefaultController.prototype.error;
ReadableStreamDefaultController.prototype.error = function failWhenRead(reason) {
  if (this.desiredSize !== null && this.desiredSize < 1) setImmediate(() => this.error(reason));
  else fail.call(this, reason);
};

async function answer(line) {
  const lines = [];
  let name = null;
  try {
    const testCase = JSON.parse(line);
    name = testCase.name;
    await runCase(testCase, (item) => lines.push(JSON.stringify(item)));
  } catch (e) {
    lines.push(JSON.stringify({ step: -1, error: { class: e.name, message: e.message } }));
  }
  lines.push(JSON.stringify({ done: name }));
  process.stdout.write(`${lines.join("\n")}\n`);
}

for await (const line of createInterface({ input: process.stdin })) if (line.trim() !== "") void answer(line);
