// What the driver does with the graph of a plan.
const MODES = ["values", "updates", "custom", "tasks", "checkpoints", "debug"];

function modes(random) {
  if (random.chance(0.15)) return [random.pick(MODES)];
  return MODES.filter((mode) => random.chance(mode === "debug" ? 0.2 : 0.6));
}

function names(random, plan) {
  return random.chance(0.2) ? "*" : random.some(plan.nodes.map((node) => node.name), random.int(1, 2));
}

function run(random, features, plan, fields) {
  const step = { do: "run", ...fields, modes: modes(random), config: { recursion_limit: 25 } };
  if (features.has("limit") && random.chance(0.4)) step.config.recursion_limit = random.int(1, 6);
  if (features.has("concurrency") && random.chance(0.6)) step.config.max_concurrency = random.int(2, 3);
  if (features.has("subgraph") && random.chance(0.6)) step.subgraphs = true;
  if (features.has("breakpoint") && random.chance(0.4)) step[random.pick(["interrupt_before", "interrupt_after"])] = names(random, plan);
  if (features.has("durability")) step.durability = random.pick(["sync", "async", "exit"]);
  if (step.durability === "exit") step.modes = step.modes.filter((mode) => mode !== "checkpoints" && mode !== "debug");
  return step;
}

function input(random) {
  return { log: [`in${random.int(0, 9)}`], ...(random.chance(0.3) && { count: random.int(0, 3) }), ...(random.chance(0.2) && { unknown: 1 }) };
}

const answer = (random) => random.pick(["yes", "no", 7, ["x", 1]]);

// What a plain answer has been used for hangs on the clock under exit: README.md.
function keptAnswer(step) {
  if (step.durability === "exit" && step.command.resume !== undefined) step.durability = "sync";
  return step;
}

function resume(random) {
  if (random.chance(0.5)) return { command: { resume: answer(random) } };
  const indexes = random.some([0, 1, 2], random.int(1, 3));
  return { command: { resume_map: Object.fromEntries(indexes.sort().map((index) => [String(index), answer(random)])) } };
}

const scripts = (plan) => plan.nodes.filter((node) => !node.child && !node.choice && !node.sends);

function update(random, features, plan) {
  const node = random.pick(scripts(plan));
  if (node === undefined) return { do: "get_state" };
  return {
    do: "update_state", values: random.chance(0.15) ? null : { log: ["edited"], ...(random.chance(0.3) && { count: 10 }) }, as_node: node.name,
    ...(features.has("fork") && random.chance(0.5) && { checkpoint: random.int(0, 5) }),
  };
}

// What may come after the first run, by feature.
const LATER = {
  interrupt: (random, features, plan) => keptAnswer(run(random, features, plan, resume(random))),
  breakpoint: (random, features, plan) => run(random, features, plan, {}),
  fail: (random, features, plan) => run(random, features, plan, {}),
  limit: (random, features, plan) => run(random, features, plan, {}),
  state: (random) => (random.chance(0.5) ? { do: "get_state" }
    : { do: "history", ...(random.chance(0.3) && { limit: random.int(1, 4) }) }),
  update,
  fork: (random, features, plan) => run(random, features, plan, { checkpoint: random.int(0, 5), ...(random.chance(0.2) && { input: input(random) }) }),
  input: (random, features, plan) => run(random, features, plan, { input: input(random) }),
};

export function makeSteps(random, features, plan) {
  const steps = [run(random, features, plan, { input: input(random) })];
  if (features.has("conflict")) return steps;
  const kinds = Object.keys(LATER).filter((feature) => features.has(feature));
  if (kinds.length > 0) {
    for (let i = random.int(1, 5); i > 0; i--) steps.push(LATER[random.pick(kinds)](random, features, plan));
  }
  return [...steps, { do: "get_state", ...(features.has("subgraph") && random.chance(0.5) && { subgraphs: true }) }, { do: "history" }];
}
