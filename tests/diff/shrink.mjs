// Makes a failing case smaller for as long as it still fails: drops steps, nodes, edges, actions and what hangs on them.

const without = (object, key) => Object.fromEntries(Object.entries(object).filter(([k]) => k !== key));
const dropped = (list, index) => list.filter((_, i) => i !== index);

function withSteps(testCase, steps) {
  return { ...testCase, steps };
}

function* fewerSteps(testCase) {
  const { steps } = testCase;
  const begins = (list) => list.find((step) => step.do === "run")?.command === undefined; // else it is another case: README.md
  for (let i = steps.length - 1; i >= 0 && steps.length > 1; i--) {
    const fewer = dropped(steps, i);
    if (begins(fewer)) yield withSteps(testCase, fewer);
  }
  for (const [i, step] of steps.entries()) {
    const replace = (made) => withSteps(testCase, steps.map((old, k) => (k === i ? made : old)));
    for (const key of Object.keys(step)) if (!["do", "modes", "values", "input", "command"].includes(key)) yield replace(without(step, key));
    for (const key of Object.keys(step.input ?? {})) yield replace({ ...step, input: without(step.input, key) });
    if (step.modes?.length > 1) for (const mode of step.modes) yield replace({ ...step, modes: step.modes.filter((m) => m !== mode) });
  }
}

// An edge without the node; null if nothing is left of it.
function edgeWithout(edge, name) {
  if (!Array.isArray(edge)) {
    if (edge.from === name || edge.send === name) return null;
    if (!edge.cases) return edge;
    return { ...edge, cases: Object.fromEntries(Object.entries(edge.cases).map(([k, to]) => [k, to === name ? "__end__" : to])) };
  }
  const [from, to] = edge.map((end) => (Array.isArray(end) ? end.filter((n) => n !== name) : end === name ? null : end));
  if (from === null || to === null || from.length === 0 || to.length === 0) return null;
  return [Array.isArray(from) && from.length === 1 ? from[0] : from, to];
}

function graphWithoutNode(graph, name) {
  const nodes = Object.fromEntries(Object.entries(without(graph.nodes, name)).map(([key, node]) => [
    key, node.ends ? { ...node, ends: node.ends.filter((n) => n !== name) } : node,
  ]));
  return { ...graph, nodes, edges: graph.edges.map((edge) => edgeWithout(edge, name)).filter((edge) => edge !== null) };
}

function* smallerGraphs(graph) {
  for (const name of Object.keys(graph.nodes)) if (Object.keys(graph.nodes).length > 1) yield graphWithoutNode(graph, name);
  for (const i of graph.edges.keys()) yield { ...graph, edges: dropped(graph.edges, i) };
  for (const key of ["interrupt_before", "interrupt_after", "recursion_limit", "output"]) if (key in graph) yield without(graph, key);
  for (const [name, node] of Object.entries(graph.nodes)) {
    const replace = (made) => ({ ...graph, nodes: { ...graph.nodes, [name]: made } });
    // Without its handler a failure would cancel siblings at any moment.
    for (const key of Object.keys(node)) if (!["kind", "graph", "ends", "on_error"].includes(key)) yield replace(without(node, key));
    if (node.kind !== "graph") continue;
    yield replace({ kind: "script" });
    for (const child of smallerGraphs(node.graph)) yield replace({ ...node, graph: child });
  }
}

function* smallerActions(action) {
  if (action.update) for (const key of Object.keys(action.update)) yield { ...action, update: without(action.update, key) };
  if (action.goto?.length > 1) for (const i of action.goto.keys()) yield { ...action, goto: dropped(action.goto, i) };
  if (action.goto && action.update) yield without(action, "goto");
}

function* paths(graph, prefix) {
  for (const [name, node] of Object.entries(graph.nodes)) {
    yield* [prefix + name, `${prefix}${name}!`];
    if (node.kind === "graph") yield* paths(node.graph, `${prefix}${name}/`);
  }
}

// Without the scripts that nothing performs.
function tidied(testCase) {
  const known = new Set(paths(testCase.graph, ""));
  return { ...testCase, script: Object.fromEntries(Object.entries(testCase.script).filter(([path]) => known.has(path))) };
}

function* smallerScripts(script) {
  for (const [path, visits] of Object.entries(script)) {
    yield without(script, path);
    for (const [i, visit] of visits.entries()) {
      if (visits.length > 1) yield { ...script, [path]: dropped(visits, i) };
      const replace = (made) => ({ ...script, [path]: visits.map((old, k) => (k === i ? made : old)) });
      for (const [k, action] of visit.entries()) {
        const guards = "alone" in action && "fail" in (visit[k + 1] ?? {});
        if (!guards) yield replace(dropped(visit, k));
        for (const made of smallerActions(action)) yield replace(visit.map((old, n) => (n === k ? made : old)));
      }
    }
  }
}

// Of fields that nothing names any more.
function* fewerFields(testCase) {
  const { graph } = testCase;
  for (const field of Object.keys(graph.state)) {
    const rest = { ...testCase, graph: { ...graph, state: without(graph.state, field) } };
    if (!JSON.stringify(rest).includes(`"${field}`)) yield rest;
  }
}

function* smaller(testCase) {
  yield* fewerSteps(testCase);
  for (const graph of smallerGraphs(testCase.graph)) yield { ...testCase, graph };
  for (const script of smallerScripts(testCase.script)) yield { ...testCase, script };
  yield* fewerFields(testCase);
}

// fails(case) -> Promise<bool>. Greedy: takes the first smaller case that fails and goes on from there.
export async function shrink(testCase, fails, deadlineMs) {
  const end = Date.now() + deadlineMs;
  let best = testCase;
  for (let isSmaller = true; isSmaller;) {
    isSmaller = false;
    for (const candidate of smaller(best)) {
      if (Date.now() > end) return best;
      if (!(await fails(candidate))) continue;
      best = tidied(candidate);
      isSmaller = true;
      break;
    }
  }
  return best;
}
