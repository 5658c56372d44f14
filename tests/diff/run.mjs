// Runs random cases on LangGraph.js and on the engine, there in both forms, and compares the traces: README.md.
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { compare, compareForms, reasonNotTo, unified } from "./compare.mjs";
import { FEATURES, makeCase, reshuffle } from "./generate.mjs";
import { luaOf, ownLuaOf } from "./lua.mjs";
import { Pipe } from "./pipe.mjs";
import { shrink } from "./shrink.mjs";

const { values: options } = parseArgs({ options: {
  cases: { type: "string", default: "500" }, seed: { type: "string", default: "1" }, first: { type: "string", default: "0" },
  features: { type: "string", default: FEATURES.join(",") }, without: { type: "string", default: "" },
  modes: { type: "string", default: "" }, "one-run": { type: "boolean", default: false },
  self: { type: "boolean", default: false }, with: { type: "string", default: "js,lua" }, lanes: { type: "string", default: "3" },
  show: { type: "string", default: "3" }, "shrink-ms": { type: "string", default: "30000" },
} });

const number = (name) => Number.parseInt(options[name], 10);
const words = (name) => options[name].split(",").filter((word) => word !== "");
const unknown = [...words("features"), ...words("without")].filter((word) => !FEATURES.includes(word));
if (unknown.length > 0 || (!options.self && !process.env.ENGINE_BIN)) {
  process.stderr.write(unknown.length > 0 ? `unknown features: ${unknown}; known: ${FEATURES}\n` : "set ENGINE_BIN, or use --self\n");
  process.exit(2);
}
const features = words("features").filter((word) => !words("without").includes(word));
const isAsked = (pair) => (options.self ? pair === "js" : words("with").includes(pair));

const oracleCommand = [process.execPath, fileURLToPath(new URL("oracle.mjs", import.meta.url))];
const engineCommand = options.self ? oracleCommand : process.env.ENGINE_BIN.split(" ");
const oracle = new Pipe(oracleCommand);
const engines = Array.from({ length: number("lanes") }, () => new Pipe(engineCommand));

let serial = 0; // names are unique, as a case may be asked again

// What is compared: each gets the named case and an engine's Pipe, and gives null, {reason} or what differs.
const PAIRS = {
  js: {
    names: ["LangGraph.js", "engine"],
    async differ(named, engine, found) {
      const [expected, lines] = await Promise.all([oracle.ask(named), found]);
      const reason = reasonNotTo(lines);
      return reason === undefined ? compare(expected, lines) : { reason };
    },
  },
  lua: {
    names: ["engine", "engine, in Lua"],
    async differ(named, engine, found) {
      const lua = engine.ask({ ...named, name: `${named.name} in Lua`, lua: luaOf(named) });
      return compareForms(named, ...(await Promise.all([found, lua])));
    },
  },
};
const pairs = Object.keys(PAIRS).filter(isAsked);

// One for each of the pairs.
function differences(testCase, engine, asked) {
  const named = { ...testCase, name: `${testCase.name}#${serial++}` };
  const found = engine.ask(options.self ? reshuffle(named, options.seed) : named);
  return Promise.all(asked.map((pair) => PAIRS[pair].differ(named, engine, found)));
}

// What an engine that is still growing can be asked: some modes, and of the steps the first run only.
function narrowed(testCase) {
  const modes = words("modes");
  if (options["one-run"]) testCase.steps = testCase.steps.slice(0, 1);
  if (modes.length > 0)
    for (const step of testCase.steps) if (step.modes) step.modes = step.modes.filter((mode) => modes.includes(mode));
  return testCase;
}

const compared = { js: 0, lua: 0 };
const counts = Object.fromEntries(features.map((feature) => [feature, { js: 0, lua: 0, differ: 0 }]));
const failures = [];
const excluded = {}; // reason -> how many

function count(testCase, index, pair, found) {
  if (found?.reason) {
    excluded[found.reason] = (excluded[found.reason] ?? 0) + 1;
    return;
  }
  compared[pair]++;
  for (const feature of testCase.features) {
    counts[feature][pair]++;
    if (found) counts[feature].differ++;
  }
  if (found) failures.push({ index, testCase, pair, found });
}

async function lane(engine, next) {
  for (let index = next(); index !== null; index = next()) {
    const testCase = narrowed(makeCase(options.seed, index, features));
    const found = await differences(testCase, engine, pairs);
    pairs.forEach((pair, i) => count(testCase, index, pair, found[i]));
  }
}

function makeNext() {
  let index = number("first");
  const end = index + number("cases");
  return () => (index < end ? index++ : null);
}

// Not made smaller: what does not fail again, and what never ran.
async function shrunk({ testCase, pair, found }) {
  const fails = async (candidate) => {
    const [made] = await differences(candidate, engines[0], [pair]);
    return made !== null && !made.reason && made.isBroken === found.isBroken && made.isRefused === found.isRefused;
  };
  if (!(await fails(testCase))) return { testCase, isFlaky: true };
  return { testCase: await shrink(testCase, fails, number("shrink-ms")), isFlaky: false };
}

async function tell(failure) {
  const { pair } = failure;
  const { testCase, isFlaky } = await shrunk(failure);
  const [again] = await differences(testCase, engines[0], [pair]);
  process.stdout.write(`\n== ${failure.testCase.name} (${failure.testCase.features.join(",")})${isFlaky ? " - differed once, not again" : ""}\n`);
  process.stdout.write(`graph ${JSON.stringify(testCase.graph, null, 1)}\nscript ${JSON.stringify(testCase.script)}\n`);
  if (pair === "lua") process.stdout.write(`lua\n${ownLuaOf(testCase)}`);
  for (const [i, step] of testCase.steps.entries()) process.stdout.write(`step ${i} ${JSON.stringify(step)}\n`);
  process.stdout.write(`case ${JSON.stringify(pair === "lua" ? { ...testCase, lua: luaOf(testCase) } : testCase)}\n`);
  process.stdout.write(unified(again ?? failure.found, PAIRS[pair].names));
  process.stdout.write(`again: --with ${pair} --seed ${options.seed} --first ${failure.index} --cases 1 --features ${features.join(",")}\n`);
}

const begin = Date.now();
const next = makeNext();
await Promise.all(engines.map((engine) => lane(engine, next)));
const seconds = (Date.now() - begin) / 1000;
failures.sort((a, b) => a.index - b.index);
for (const failure of failures.slice(0, number("show"))) await tell(failure);
const ends = await Promise.all([oracle, ...engines].map((pipe) => pipe.stop()));
const complaints = ends.filter((complaint) => complaint !== null);
for (const complaint of complaints) process.stdout.write(`\n== a program ${complaint}\n`);

const cases = (js, lua) => [isAsked("js") && `${js} cases`, isAsked("lua") && `${lua} in Lua`].filter(Boolean).join(", ");
for (const [feature, { js, lua, differ }] of Object.entries(counts)) {
  process.stdout.write(`${feature.padEnd(12)} ${cases(String(js).padStart(5), String(lua).padStart(5))}${differ ? `, ${differ} differ` : ""}\n`);
}
if (failures.length > 0) process.stdout.write(`differing: ${failures.map(({ index, pair }) => `${index} (${pair})`).join(" ")}\n`);
for (const [reason, count] of Object.entries(excluded)) process.stdout.write(`not compared with LangGraph.js, ${reason}: ${count}\n`);
const rate = (number("cases") / seconds).toFixed(0);
process.stdout.write(`${number("cases")} cases, compared ${cases(compared.js, compared.lua)}, ${failures.length} differ, ${seconds.toFixed(1)} s (${rate} per second)\n`);
process.exitCode = failures.length + complaints.length > 0 ? 1 : 0;
