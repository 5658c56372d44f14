// A case as a Lua graph file that does the same: README.md, "In Lua".
import { readFileSync } from "node:fs";
import { Choice } from "./lua/choice.mjs";
import { list, literal, names, table, text } from "./lua/literal.mjs";
import { nodeFunction, nodeSet } from "./lua/script.mjs";

const STAGE = readFileSync(new URL("lua/stage.lua", import.meta.url), "utf8");
const OWN_REDUCERS = { append: "append_items", add: "add_number", merge: "merge_objects" };

const end = (name) => ({ __start__: "START", __end__: "END" })[name] ?? text(name);

class Writer {
  constructor(testCase) {
    this.script = testCase.script ?? {};
    this.choice = new Choice(testCase.name);
    this.lines = [];
    this.count = 0;
  }

  // ---- fields and nodes ----

  field(spec, place) {
    const { type, reducer, ...more } = spec;
    if (reducer === undefined && Object.keys(more).length === 0) return this.choice.of(place, text(type), table({ type: text(type) }));
    const own = OWN_REDUCERS[reducer];
    const how = reducer && this.choice.of(place, reducer, text(reducer), ...(own ? [own, own] : []));
    return table({ type: text(type), reducer: how, ...Object.fromEntries(Object.entries(more).map(([name, value]) => [name, literal(value)])) });
  }

  // failing: the node whose handler it is, if it is one.
  work(path, failing) {
    const visits = this.script[path] ?? [];
    const lua = nodeFunction(visits, path, this.choice, failing);
    return this.choice.of(path, lua, lua, nodeSet(visits) ?? lua);
  }

  handler(node, path, name) {
    if (node.on_error === undefined) return undefined;
    const lua = this.work(`${path}!`, name);
    return this.choice.of(`${path}! form`, lua, `{ ${lua} }`);
  }

  options(node, path, name) {
    const { kind, graph, on_error: handled, ...more } = node; // kind and graph: of what add_node() gets
    if (this.isCompiledIn(node, path)) delete more.persistence;
    const lua = Object.fromEntries(Object.entries(more).map(([option, value]) => [option, literal(value)]));
    return table({ ...lua, on_error: this.handler(node, path, name) });
  }

  // A subgraph's persistence may be said where it is compiled or where it is a node.
  isCompiledIn(node, path) {
    const isSaid = node.persistence !== undefined && node.persistence !== "invocation";
    return isSaid && this.choice.of(`${path}/persistence`, true, false);
  }

  child(node, path) {
    return this.graph(node.graph, `${path}/`, this.isCompiledIn(node, path) ? { checkpointer: String(node.persistence === "thread") } : {});
  }

  addNode(g, name, node, path) {
    const what = node.kind === "graph" ? this.child(node, path) : this.work(path);
    const options = this.options(node, path, name);
    this.lines.push(`${g}:add_node(${text(name)}, ${what}${options === "{}" ? "" : `, ${options}`})`);
  }

  // ---- edges ----

  addPlain(g, [from, to], place) {
    const ends = (names) => (Array.isArray(names) ? list(names.map(end)) : end(names));
    const forms = [`add_edge(${ends(from)}, ${ends(to)})`];
    if (from === "__start__" && !Array.isArray(to)) forms.push(`set_entry_point(${text(to)})`);
    if (to === "__end__" && !Array.isArray(from)) forms.push(`set_finish_point(${text(from)})`);
    this.lines.push(`${g}:${this.choice.of(place, ...forms)}`);
  }

  // The function gives nodes, or keys of a map.
  addSwitch(g, edge, place) {
    const how = this.choice.of(place, "free", "listed", "mapped");
    const cases = Object.entries(edge.cases);
    const all = table(Object.fromEntries(cases.map(([value, to]) => [value, end(to)])));
    const targets = [...new Set([...cases.map(([, to]) => to), edge.default])];
    const value = `at(state, ${text(edge.switch)})`;
    if (how === "mapped") {
      const choose = `function(state)\n    local value = ${value}\n    if (${all})[case_of(value)] then return value end\n    return "otherwise"\nend`;
      const map = table({ ...Object.fromEntries(cases.map(([v, to]) => [v, end(to)])), otherwise: end(edge.default) });
      return this.addChoice(g, edge.from, choose, map, place);
    }
    const choose = `function(state)\n    return (${all})[case_of(${value})] or ${end(edge.default)}\nend`;
    return this.addChoice(g, edge.from, choose, how === "listed" ? list(targets.map(end)) : undefined, place);
  }

  addEach(g, edge, place) {
    const arg = table({ [edge.as]: "item", ...(edge.index && { [edge.index]: "i - 1" }) });
    const choose = `function(state)\n    local sends = {}\n    local items = at(state, ${text(edge.each)})\n`
      + `    for i, item in ipairs(items == null and {} or items) do sends[i] = Send(${text(edge.send)}, ${arg}) end\n    return sends\nend`;
    this.addChoice(g, edge.from, choose, this.choice.of(`${place}/map`, undefined, names([edge.send])), place);
  }

  addChoice(g, from, choose, map, place) {
    const rest = map === undefined ? "" : `, ${map}`;
    const forms = [`add_conditional_edges(${end(from)}, ${choose}${rest})`];
    if (from === "__start__") forms.push(`set_conditional_entry_point(${choose}${rest})`);
    this.lines.push(`${g}:${this.choice.of(`${place}/method`, ...forms)}`);
  }

  addEdge(g, edge, prefix) {
    const place = `${prefix}edge ${JSON.stringify(edge)}`;
    if (Array.isArray(edge)) this.addPlain(g, edge, place);
    else if ("switch" in edge) this.addSwitch(g, edge, place);
    else this.addEach(g, edge, place);
  }

  // ---- graphs ----

  // The local that holds the compiled graph.
  graph(file, prefix, compiled) {
    const g = `graph_${++this.count}`;
    const fields = Object.fromEntries(Object.entries(file.state).map(([name, spec]) => [name, this.field(spec, `${prefix}${name} field`)]));
    const options = table({ input: file.input && names(file.input), output: file.output && names(file.output) });
    this.lines.push(`local ${g} = StateGraph(${table(fields)}${options === "{}" ? "" : `, ${options}`})`);
    for (const [name, node] of Object.entries(file.nodes)) this.addNode(g, name, node, prefix + name);
    for (const edge of file.edges) this.addEdge(g, edge, prefix);
    const stops = { interrupt_before: file.interrupt_before, interrupt_after: file.interrupt_after };
    const lua = Object.fromEntries(Object.entries(stops).filter(([, nodes]) => nodes).map(([name, nodes]) => [name, names(nodes)]));
    this.lines.push(`local compiled_${g} = ${g}:compile ${table({ ...lua, recursion_limit: file.recursion_limit, ...compiled })}`);
    return `compiled_${g}`;
  }
}

// Without what is the same in all of them, for people.
export function ownLuaOf(testCase) {
  const writer = new Writer(testCase);
  const compiled = writer.graph(testCase.graph, "", {});
  return `${writer.lines.join("\n")}\nreturn ${compiled}\n`;
}

export const luaOf = (testCase) => `-- ${testCase.name}\n${STAGE}\n${ownLuaOf(testCase)}`;
