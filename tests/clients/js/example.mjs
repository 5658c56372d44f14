// Runs an example of docs/clients.md. One with JSX is a page: somebody types a question, sends it, and reads the answer.
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { transform } from "sucrase";

const [path] = process.argv.slice(2);
const isPage = path.endsWith(".jsx");
const place = new URL(`./.example-${process.pid}.mjs`, import.meta.url); // here, where its imports are found
const text = readFileSync(path, "utf8");
writeFileSync(place, isPage ? transform(text, { transforms: ["jsx"], jsxRuntime: "automatic", production: true }).code : text);
try {
  if (isPage) {
    await import("./hook.mjs"); // for a page to be in
    await use((await import(place)).default);
  } else {
    await import(place);
  }
} finally {
  rmSync(place);
}
process.exit(0);

async function use(Page) {
  const { createElement } = await import("react");
  const { createRoot } = await import("react-dom/client");
  const { until } = await import("./kit.mjs");
  const root = document.getElementById("root");
  createRoot(root).render(createElement(Page));
  const input = await until(() => root.querySelector("input"), "the page");
  const { set } = Object.getOwnPropertyDescriptor(window.HTMLInputElement.prototype, "value");
  set.call(input, "May I keep a goat?");
  input.dispatchEvent(new window.Event("input", { bubbles: true }));
  await until(() => input.value !== "" && root.querySelector("button"), "the text");
  await new Promise((resolve) => setTimeout(resolve, 50)); // a person is not as quick as a page's first effects
  root.querySelector("button").click();
  await until(() => root.querySelector("button").textContent === "Stop", "the stream");
  await until(() => root.querySelector("button").textContent === "Send", "the end");
  const said = [...root.querySelectorAll("p")].map((p) => p.textContent);
  assert.equal(said.length, 2, said.join("\n"));
  assert.equal(said[0], "human: May I keep a goat?");
  assert.match(said[1], /^ai: Speaking as the demo model, my answer to "May I keep a goat\?"/);
}
