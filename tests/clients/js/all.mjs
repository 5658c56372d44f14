// All tests in one process, which is begun in a moment; `node js/runs.test.mjs` runs one file.
import { readdirSync } from "node:fs";

for (const name of readdirSync(new URL(".", import.meta.url)).sort()) {
  if (name.endsWith(".test.mjs")) await import(`./${name}`);
}
