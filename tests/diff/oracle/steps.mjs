// The steps of a case, done with LangGraph.js, as lines of a trace.
import { Command, MemorySaver } from "@langchain/langgraph";
import { buildGraph } from "./graph.mjs";
import { Stage, targets } from "./script.mjs";
import { byValue } from "../normalise.mjs";

const NO_INTERRUPT = "0".repeat(32);

function config(place) {
  const { checkpoint_id, checkpoint_ns } = place?.configurable ?? {};
  return checkpoint_id === undefined && checkpoint_ns === undefined ? null : { configurable: { checkpoint_id, checkpoint_ns } };
}

function task({ id, name, error, interrupts, result, state }) {
  const child = state && "values" in state ? snapshot(state) : config(state);
  return { id, name, error: error ?? null, interrupts, result: result ?? null, state: child };
}

function snapshot(s) {
  return {
    values: s.values, next: s.next, config: config(s.config), parent_config: config(s.parentConfig),
    metadata: s.metadata && { source: s.metadata.source, step: s.metadata.step },
    created_at: s.createdAt ?? null, tasks: s.tasks.map(task),
  };
}

function eventData(mode, data) {
  if (mode === "checkpoints") return snapshot(data);
  if (mode === "debug") {
    return { ...data, payload: data.type === "checkpoint" ? snapshot(data.payload) : data.payload };
  }
  return data;
}

class Driver {
  constructor(testCase, emit) {
    this.case = testCase;
    this.emit = emit;
    this.graph = buildGraph(testCase.graph, new Stage(testCase.script ?? {}), "", new MemorySaver());
    this.thread = { configurable: { thread_id: testCase.name } };
  }

  async history(limit) {
    const list = [];
    for await (const s of this.graph.getStateHistory(this.thread, limit && { limit })) list.push(s);
    return list;
  }

  async place(step) {
    if (step.checkpoint === undefined) return this.thread;
    const list = await this.history();
    return list.length === 0 ? this.thread : list[step.checkpoint % list.length].config;
  }

  async command(spec) {
    const { resume, resume_map: answers, update, goto } = spec;
    return new Command({
      ...(resume !== undefined && { resume }),
      ...(answers !== undefined && { resume: await this.answersById(answers) }),
      ...(update !== undefined && { update }),
      ...(goto !== undefined && { goto: targets(goto, {}) }),
    });
  }

  async answersById(answers) {
    const state = await this.graph.getState(this.thread);
    const pending = state.tasks.filter((t) => t.result === undefined).flatMap((t) => t.interrupts).sort(byValue);
    const known = Object.entries(answers).filter(([index]) => pending[index] !== undefined);
    if (known.length === 0) return { [NO_INTERRUPT]: Object.values(answers)[0] };
    return Object.fromEntries(known.map(([index, answer]) => [pending[index].id, answer]));
  }

  // Asks for values and updates always: results are made of them. Only what the step asks for is told.
  async run(step, index) {
    const input = step.command ? await this.command(step.command) : step.input ?? null;
    const options = {
      ...(await this.place(step)),
      streamMode: [...new Set([...step.modes, "values", "updates"])],
      subgraphs: step.subgraphs ?? false,
      recursionLimit: step.config?.recursion_limit ?? this.case.graph.recursion_limit ?? 25,
      ...(step.config?.max_concurrency && { maxConcurrency: step.config.max_concurrency }),
      ...(step.interrupt_before && { interruptBefore: step.interrupt_before }),
      ...(step.interrupt_after && { interruptAfter: step.interrupt_after }),
      ...(step.durability && { durability: step.durability }),
    };
    let result = null;
    const interrupts = [];
    for await (const item of await this.graph.stream(input, options)) {
      const [ns, mode, data] = step.subgraphs ? item : [[], ...item];
      if (ns.length === 0 && mode === "values" && !("__interrupt__" in data)) result = data;
      if (ns.length === 0 && mode === "updates" && data.__interrupt__) interrupts.push(...data.__interrupt__);
      if (step.modes.includes(mode)) this.emit({ step: index, event: mode, ns, data: eventData(mode, data) });
    }
    return { result, interrupts };
  }

  async update_state(step) {
    await this.graph.updateState(await this.place(step), step.values, step.as_node);
    return { updated: true };
  }

  async get_state(step) {
    return { state: snapshot(await this.graph.getState(await this.place(step), { subgraphs: step.subgraphs ?? false })) };
  }

  async do(step, index) {
    try {
      if (step.do === "history") return { history: (await this.history(step.limit)).map(snapshot) };
      return await this[step.do](step, index);
    } catch (e) {
      return { error: { class: e.name, message: e.message } };
    }
  }
}

export async function runCase(testCase, emit) {
  const driver = new Driver(testCase, emit);
  for (const [index, step] of testCase.steps.entries()) {
    emit({ step: index, ...(await driver.do(step, index)) });
  }
}
