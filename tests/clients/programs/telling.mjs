// What the Node programs beside this file share: where the server is, and how they tell what they got.
import { reached } from "./inside.mjs";

export const { OPENAI_BASE_URL: BASE_URL, OPENAI_API_KEY: API_KEY, MODEL } = process.env;

/** Does the task that the command line names, and prints what it gives as the last line. */
export async function tell(tasks) {
  const got = await tasks[process.argv[2]]();
  console.log("\n" + JSON.stringify({ got: got ?? null, reached }));
  process.exit();
}
