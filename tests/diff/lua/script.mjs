// What a node does, as a Lua function: FORMAT.md, "Actions".
import { inField, list, literal, table, text } from "./literal.mjs";

// Statements that wait.
const SLEEPS = {
  plain: (s) => `sleep(${s})`,
  protected: (s) => `pcall(sleep, ${s})`,
  gather: (s) => `gather(function() sleep(${s}) end, function() end)`,
  settled: (s) => `gather_settled(function() sleep(${s}) end)`,
  spawn: (s) => `join(spawn(sleep, ${s}))`,
  timeout: (s) => `with_timeout(60, function() sleep(${s}) end)`,
  coroutine: (s) => `coroutine.wrap(function() sleep(${s}) end)()`,
};

// Expressions of an answer.
const QUESTIONS = {
  plain: (value) => `interrupt(${value})`,
  protected: (value) => `select(2, pcall(interrupt, ${value}))`,
  gather: (value) => `gather(function() return interrupt(${value}) end)`,
  coroutine: (value) => `coroutine.wrap(function() return interrupt(${value}) end)()`,
};

// Statements that may fail.
const FAILURES = {
  plain: (call) => call,
  again: (call) => `local ok, err = pcall(function() ${call} end) if not ok then error(err) end`,
  gather: (call) => `gather(function() ${call} end, function() end)`,
  spawn: (call) => `join(spawn(function() ${call} end))`,
  coroutine: (call) => `coroutine.wrap(function() ${call} end)()`,
};

function update(fields, answers) {
  return table({ ...answers, ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, inField(value)])) });
}

const isSend = (to) => typeof to !== "string";
const target = (to) => (isSend(to) ? `Send(${text(to.node)}, ${literal(to.arg)})` : text(to));

function goto(targets, choice, place) {
  const all = targets.map(target);
  return all.length === 1 ? choice.of(`${place}/goto`, all[0], list(all)) : list(all);
}

function command(result, choice, place) {
  const key = choice.of(`${place}/key`, "goto", `["goto"]`); // a word of Lua's, and a key all the same
  const members = [
    result.update && `update = ${result.update}`,
    result.goto && `${key} = ${goto(result.goto, choice, place)}`,
    result.parent && "graph = Command.PARENT",
  ];
  return `Command ${list(members.filter(Boolean))}`;
}

// results: [{update?: Lua, goto?, parent?}]
function returned(results, choice, place) {
  const [first] = results;
  if (first === undefined) return choice.of(`${place}/nothing`, "return", "return nil", "return null");
  const commands = results.map((result, i) => command(result, choice, `${place}/${i}`));
  if (results.length > 1) return `return ${list(commands)}`;
  if (!first.goto && !first.parent) return `return ${choice.of(`${place}/update`, first.update, first.update, commands[0], list(commands))}`;
  const forms = [commands[0], list(commands)];
  if (!first.update && !first.parent && first.goto.every(isSend)) forms.push(list(first.goto.map(target)));
  return `return ${choice.of(`${place}/command`, ...forms)}`;
}

class Visit {
  constructor(actions, choice, place) {
    this.choice = choice;
    this.place = place;
    this.lines = [];
    this.answers = {}; // field -> the local that holds the answer
    this.results = [];
    actions.forEach((action, i) => this.add(action, i));
  }

  form(forms, i) {
    return forms[this.choice.of(`${this.place}/${i}`, "plain", ...Object.keys(forms))];
  }

  add(action, i) {
    if ("sleep_ms" in action) this.lines.push(this.form(SLEEPS, i)(action.sleep_ms / 1000));
    else if ("alone" in action) this.lines.push("script:alone()");
    else if ("custom" in action) this.lines.push(`writer(${literal(action.custom)})`);
    else if ("interrupt" in action) this.ask(action, i);
    else if ("fail" in action) this.fail(action.fail, i);
    else this.results.push(action);
  }

  ask(action, i) {
    const question = this.form(QUESTIONS, i)(literal(action.interrupt));
    this.lines.push(`local answer_${i} = ${question}`);
    if (action.into !== undefined) this.answers[action.into] = `answer_${i}`;
  }

  fail({ error, message, times = 1 }, i) {
    const call = `script:fail(${i}, ${times}, ${text(error)}, ${text(message)})`;
    this.lines.push(`do ${this.form(FAILURES, i)(call)} end`);
  }

  // The first result gets the answers that it does not say itself.
  said() {
    const has = Object.keys(this.answers).length > 0;
    const all = has && this.results.length === 0 ? [{}] : this.results;
    return all.map((result, i) => {
      const answers = i === 0 && has ? this.answers : undefined;
      return { ...result, update: result.update || answers ? update(result.update ?? {}, answers) : undefined };
    });
  }

  text() {
    return [...this.lines, returned(this.said(), this.choice, this.place)].map((line) => `        ${line}\n`).join("");
  }
}

// path: of FORMAT.md, "a!" for a handler. failing: the node whose handler it is.
export function nodeFunction(visits, path, choice, failing) {
  const check = failing === undefined ? "" : `\n    check_error(err, ${text(failing)})`;
  const begin = `    local script <close> = perform(${text(path)}, ${visits.length})\n`;
  const parts = visits.map((actions, i) => {
    const test = i + 1 < visits.length ? `script.visit == ${i + 1}` : null;
    const body = new Visit(actions, choice, `${path}/${i}`).text();
    const head = test === null ? (i === 0 ? "    do" : "    else") : `    ${i === 0 ? "if" : "elseif"} ${test} then`;
    return `${head}\n${body}`;
  });
  const all = visits.length === 0 ? "" : `${begin}${parts.join("")}    end\n`;
  return `function(state, config, err)${check}\n${all}end`;
}

// The same as a node of the kind `set`, or undefined: what only writes constants. (The second visit is the first again, and so on.)
export function nodeSet(visits) {
  const [[action, ...others] = []] = visits;
  if (visits.length !== 1 || others.length > 0 || Object.keys(action ?? {}).join() !== "update") return undefined;
  if (/\$input|__overwrite__/.test(JSON.stringify(action))) return undefined;
  return `node.set { values = ${literal(action.update)} }`;
}
