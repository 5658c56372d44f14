// A trace in the form in which two engines are compared: README.md, "What is normalised".
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{32}\b/g;
const NO_ERROR = new Set(["AbortError", "Abort", "CancelledError", "NodeCancelledError", "ParentCommand"]);
const HANDLER = "__error_handler__";

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

// Keys sorted, so that equal values are equal texts.
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? "null";
  const keys = Object.keys(value).filter((key) => value[key] !== undefined).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
}

const orNull = (value) => (value === undefined || (isObject(value) && Object.keys(value).length === 0) ? null : value);

function errorClass(error) {
  if (error === null || error === undefined) return null;
  const name = typeof error === "string" ? error.split(":")[0] : error.class ?? error.name;
  return NO_ERROR.has(name) ? null : name;
}

// Their order is the order of finishing in the reference (defect 10).
export function byValue(a, b) {
  const [x, y] = [canonical(a.value), canonical(b.value)];
  return x < y ? -1 : x > y ? 1 : 0;
}

const interrupts = (list) => (list ?? []).map(({ id, value }) => ({ id, value })).sort(byValue);

// What a task still says of an earlier attempt, once it is done, is dropped (reference defect 9).
function task({ id, name, error, interrupts: list, result, state }) {
  const isDone = orNull(result) !== null;
  return {
    id, name, result: orNull(result),
    error: isDone ? null : errorClass(error),
    interrupts: isDone ? [] : interrupts(list),
    state: state && "values" in state ? snapshot(state) : state?.configurable?.checkpoint_ns ?? null,
  };
}

function snapshot(s) {
  const here = s.config?.configurable ?? {};
  return {
    values: s.values ?? {}, next: s.next ?? [], source: s.metadata?.source ?? null, step: s.metadata?.step ?? null,
    ns: here.checkpoint_ns ?? "", id: here.checkpoint_id ?? null,
    parent: s.parent_config?.configurable?.checkpoint_id ?? null, tasks: (s.tasks ?? []).map(task),
  };
}

function taskEvent(data) {
  if (!("result" in data)) return { start: data.id, name: data.name, input: data.input };
  return { finish: data.id, name: data.name, result: orNull(data.result), error: errorClass(data.error), interrupts: interrupts(data.interrupts) };
}

function updates(data) {
  if ("__interrupt__" in data) return values(data);
  return Object.fromEntries(Object.entries(data).map(([node, update]) => [node, orNull(update)]));
}

function values(data) {
  return isObject(data) && "__interrupt__" in data ? { ...data, __interrupt__: interrupts(data.__interrupt__) } : data;
}

function debug({ step, type, payload }) {
  return { step, type, payload: type === "checkpoint" ? snapshot(payload) : taskEvent(payload) };
}

const DATA = { tasks: taskEvent, checkpoints: snapshot, debug, updates, values };

function reduced(line) {
  if (line.event) return { event: line.event, ns: line.ns, data: (DATA[line.event] ?? ((data) => data))(line.data) };
  if (line.state) return { state: snapshot(line.state) };
  if (line.history) return { history: line.history.map(snapshot) };
  if (line.error) return { error: line.error.class };
  if ("result" in line) return { result: line.result, interrupts: interrupts(line.interrupts) };
  return { updated: true };
}

const payload = (event) => (event.event === "debug" ? event.data.payload : event.data);
const isInterrupt = ({ data }) => isObject(data) && "__interrupt__" in data;
const isCheckpoint = ({ event, data }) => event === "checkpoints" || (event === "debug" && data.type === "checkpoint");
const isTaskStart = (event) => ["tasks", "debug"].includes(event.event) && "start" in payload(event);
const isStart = (event) => isTaskStart(event) && !payload(event).name.startsWith(HANDLER);
const isBoundary = (event) => isCheckpoint(event) || isStart(event) || (event.event === "values" && !isInterrupt(event));

// A handler that a run takes up again is announced twice by the reference; the second time with the tasks of the step.
function withoutRepeats(events) {
  const key = (event) => `${event.event} ${payload(event).start}`;
  const isOfHandler = (event) => isTaskStart(event) && payload(event).name.startsWith(HANDLER);
  const last = new Map(events.map((event, i) => [isOfHandler(event) ? key(event) : "", i]));
  return events.filter((event, i) => !isOfHandler(event) || last.get(key(event)) === i);
}

// The node that an event between two boundaries belongs to.
function owner(event, depth) {
  if (event.ns.length > depth) return event.ns[depth].split(":")[0];
  if (isInterrupt(event)) return "__interrupt__";
  if (event.event === "custom") return event.data?.by ?? "";
  if (event.event === "updates") return Object.keys(event.data).find((key) => key !== "__metadata__") ?? "";
  return payload(event).name;
}

// Puts what comes in the order of finishing into an order that does not hang on the clock, and ids into the order of their first appearance.
class Arranger {
  constructor() {
    this.ids = new Map();
  }

  masked(item) {
    return canonical(item).replace(UUID, (id) => this.ids.get(id) ?? "?");
  }

  // The text with all ids replaced; those not seen before get the next number.
  note(item) {
    return canonical(item).replace(UUID, (id) => {
      if (!this.ids.has(id)) this.ids.set(id, `id${this.ids.size + 1}`);
      return this.ids.get(id);
    });
  }

  // Events of one namespace, at this depth, and of those below it.
  arrange(events, depth) {
    const out = [];
    let loose = [];
    for (const event of events) {
      if (event.ns.length > depth || !isBoundary(event)) {
        loose.push(event);
        continue;
      }
      out.push(...this.settle(loose, depth), event);
      this.note(event);
      loose = [];
    }
    out.push(...this.settle(loose, depth));
    return out;
  }

  settle(loose, depth) {
    const groups = new Map();
    for (const event of loose) {
      const name = owner(event, depth);
      groups.set(name, [...(groups.get(name) ?? []), event]);
    }
    return [...groups.keys()].sort().flatMap((name) => this.group(groups.get(name), depth));
  }

  // Several tasks of one node cannot be told apart by all their events: these are sorted by their texts.
  group(events, depth) {
    const units = this.units(events, depth);
    const count = (test) => units.filter(([first]) => first.ns.length === depth && test(first)).length;
    const isOne = units.length - count(() => true) <= 1 && count((e) => e.event === "updates") <= 1
      && count((e) => e.event === "tasks") <= 1 && count((e) => e.event === "debug") <= 1
      && count(isInterrupt) <= 1 && (count((e) => e.data?.arg !== undefined) <= 1);
    if (isOne) return this.noted(units.flat());
    const isHandler = ([first]) => isTaskStart(first);
    return [...this.sorted(units.filter(isHandler)), ...this.sorted(units.filter((unit) => !isHandler(unit)))];
  }

  sorted(units) {
    const texts = units.map((unit) => [unit.map((event) => this.masked(event)).join("\n"), unit]);
    return this.noted(texts.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).flatMap(([, unit]) => unit));
  }

  noted(events) {
    for (const event of events) this.note(event);
    return events;
  }

  number(segment) {
    return Number((this.ids.get(segment.split(":")[1]) ?? "id0").slice(2));
  }

  // Own events alone, those of a subgraph's task together.
  units(events, depth) {
    const units = [];
    const children = new Map();
    for (const event of events) {
      const child = event.ns[depth];
      if (event.ns.length <= depth) units.push([event]);
      else if (children.has(child)) children.get(child).push(event);
      else children.set(child, units[units.push([event]) - 1]);
    }
    units.sort(([a], [b]) => (a.ns.length > depth && b.ns.length > depth ? this.number(a.ns[depth]) - this.number(b.ns[depth]) : 0));
    return units.map((unit) => (unit[0].ns.length > depth ? this.arrange(unit, depth + 1) : unit));
  }
}

// The reference throws away what nobody has read yet when a run fails; how much that is hangs on the clock.
function delivered(events) {
  return events.slice(0, events.findLastIndex((event) => event.ns.length === 0 && isBoundary(event)) + 1);
}

export function normalise(lines) {
  const arranger = new Arranger();
  const out = [];
  let events = [];
  for (const line of lines) {
    const item = reduced(line);
    if (item.event) {
      events.push(item);
      continue;
    }
    const told = withoutRepeats(events);
    for (const event of arranger.arrange(item.error ? delivered(told) : told, 0)) out.push(arranger.note(event));
    events = [];
    out.push(arranger.note({ step: line.step, ...item }));
  }
  return out;
}
