// Runs the file that SNIPPET names as it is, and tells what it printed.
import { pathToFileURL } from "node:url";
import { tell } from "./telling.mjs";

async function printed() {
  const lines = [];
  const log = console.log;
  console.log = (...said) => lines.push(said.join(" "));
  await import(pathToFileURL(process.env.SNIPPET));
  console.log = log;
  return lines.join("\n");
}

await tell({ printed });
