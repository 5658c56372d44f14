// A program that answers cases with traces, kept running for many of them.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const CASE_MS = 20000;

export class Pipe {
  constructor(command) {
    this.command = command;
    this.asked = new Map(); // name of the case -> {resolve, timer}
  }

  start() {
    const [program, ...args] = this.command;
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.child = child;
    this.lines = [];
    this.said = "";
    child.stdin.on("error", () => {}); // told by exit
    child.stderr.on("data", (bytes) => { this.said = (this.said + bytes).slice(-4000); });
    child.on("error", (e) => this.lost(child, e.message));
    child.on("close", (code, signal) => {
      this.ended?.(code === 0 ? null : `ended with ${signal ?? code}\n${this.said}`);
      this.lost(child, `ended with ${signal ?? code}`);
    });
    createInterface({ input: child.stdout }).on("line", (line) => this.take(line));
  }

  take(line) {
    let item;
    try {
      item = JSON.parse(line);
    } catch {
      item = { step: -1, error: { class: "NotJson", message: line } };
    }
    if (!("done" in item)) return void this.lines.push(item);
    this.answer(item.done, this.lines);
    this.lines = [];
  }

  answer(name, lines) {
    const waiting = this.asked.get(name);
    if (waiting === undefined) return;
    clearTimeout(waiting.timer);
    this.asked.delete(name);
    waiting.resolve(lines);
  }

  // Everything that was asked gets what there is, with the reason.
  lost(child, reason) {
    if (child !== this.child) return;
    this.child = undefined;
    const item = { step: -2, error: { class: "ProcessLost", message: `${reason}\n${this.said}` } };
    for (const name of [...this.asked.keys()]) this.answer(name, [...this.lines, item]);
  }

  ask(testCase) {
    if (this.child === undefined) this.start();
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        const child = this.child;
        this.lost(child, `no answer to ${testCase.name} in ${CASE_MS} ms`);
        child?.kill("SIGKILL");
      }, CASE_MS);
      this.asked.set(testCase.name, { resolve, timer });
      this.child.stdin.write(`${JSON.stringify(testCase)}\n`);
    });
  }

  // To null, or to what was wrong at the end: leaks are told there.
  stop() {
    if (this.child === undefined) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.ended = resolve;
      this.child.stdin.end();
    });
  }
}
