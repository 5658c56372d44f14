// What script nodes do: FORMAT.md, "Visits" and "Actions".
import { Command, Send, interrupt } from "@langchain/langgraph";

const IDLE_POLLS = 10;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class ScriptError extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

// The visits and running scripts of one case.
export class Stage {
  constructor(script) {
    this.script = script;
    this.visits = new Map(); // task id and path -> index of the visit
    this.started = new Map(); // path -> how many tasks have started
    this.failures = new Map(); // task, path and action -> how often it failed
    this.running = 0;
    this.serial = 0; // of the scripts, in the order in which they start
    this.waiting = new Set();
  }

  actions(path, taskId) {
    const visits = this.script[path] ?? [];
    const key = `${path} ${taskId}`;
    if (!this.visits.has(key)) {
      const index = this.started.get(path) ?? 0;
      this.started.set(path, index + 1);
      this.visits.set(key, index);
    }
    return visits[Math.min(this.visits.get(key), visits.length - 1)] ?? [];
  }

  async alone(serial, signal) {
    this.waiting.add(serial);
    this.running--;
    try {
      let idle = 0;
      while (idle < IDLE_POLLS && !signal?.aborted) {
        await sleep(1);
        idle = this.running === 0 && serial === Math.min(...this.waiting) ? idle + 1 : 0;
      }
    } finally {
      this.running++;
      this.waiting.delete(serial);
    }
    if (signal?.aborted) throw new ScriptError("CancelledError", "a sibling has failed");
  }

  mustFail(key, times) {
    const count = this.failures.get(key) ?? 0;
    if (count >= times) return false;
    this.failures.set(key, count + 1);
    return true;
  }
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

export function atPath(root, path) {
  let value = root;
  for (const part of path.split(".")) {
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, part)) return undefined;
    value = value[part];
  }
  return value;
}

function fill(value, input) {
  if (Array.isArray(value)) return value.map((item) => fill(item, input));
  if (!isObject(value)) return value;
  const keys = Object.keys(value);
  if (keys.length === 1 && keys[0] === "$input") return atPath(input, value.$input) ?? null;
  return Object.fromEntries(keys.map((key) => [key, fill(value[key], input)]));
}

export function targets(goto, input) {
  return goto.map((to) => (typeof to === "string" ? to : new Send(to.node, fill(to.arg, input))));
}

function returned(results, answers, input) {
  if (Object.keys(answers).length > 0) {
    if (results.length === 0) results.push({});
    results[0] = { ...results[0], update: { ...answers, ...results[0].update } };
  }
  if (results.length === 0) return null;
  const [first] = results;
  if (results.length === 1 && first.goto === undefined && !first.parent) return first.update;
  return results.map((result) => new Command({
    ...(result.update !== undefined && { update: result.update }),
    ...(result.goto !== undefined && { goto: targets(result.goto, input) }),
    ...(result.parent && { graph: Command.PARENT }),
  }));
}

async function perform(stage, path, taskId, input, config) {
  const serial = stage.serial++;
  const results = [];
  const answers = {};
  for (const [index, action] of stage.actions(path, taskId).entries()) {
    if ("sleep_ms" in action) await sleep(action.sleep_ms);
    else if ("alone" in action) await stage.alone(serial, config.signal);
    else if ("custom" in action) config.writer?.(fill(action.custom, input));
    else if ("interrupt" in action) {
      const answer = interrupt(fill(action.interrupt, input));
      if (action.into !== undefined) answers[action.into] = answer;
    } else if ("fail" in action) {
      const { error, message, times = 1 } = action.fail;
      if (stage.mustFail(`${path} ${taskId} ${index}`, times)) throw new ScriptError(error, message);
    } else {
      results.push({ ...action, ...(action.update && { update: fill(action.update, input) }) });
    }
  }
  return returned(results, answers, input);
}

export function scriptNode(stage, path) {
  return async (input, config) => {
    const taskId = config.configurable?.__pregel_task_id ?? config.executionInfo?.taskId;
    stage.running++;
    try {
      return await perform(stage, path, taskId, input, config);
    } finally {
      stage.running--;
    }
  };
}
