// eliza 0.25, configured as by its .env file: OPENAI_API_URL, and one model for small, medium and large.
import { API_KEY, BASE_URL, MODEL, tell } from "./telling.mjs";

Object.assign(process.env, {
  OPENAI_API_URL: BASE_URL,
  SMALL_OPENAI_MODEL: MODEL,
  MEDIUM_OPENAI_MODEL: MODEL,
  LARGE_OPENAI_MODEL: MODEL,
});
// It reads them while it is imported.
const { AgentRuntime, ModelClass, generateObject, generateText } = await import("@elizaos/core");
const { z } = await import("zod");

const SHORT = { maxOutputTokens: 48 };

function agent({ token = API_KEY, modelConfig = SHORT } = {}) {
  const settings = { modelConfig };
  const character = { name: "Ada", system: "You are Ada, a guide.", modelProvider: "openai", settings };
  return new AgentRuntime({ token, character });
}

const ask = (runtime) => generateText({ runtime, context: "Name a river.", modelClass: ModelClass.SMALL });

const chat = () => ask(agent());

/** An object by way of a function that the model has to call; eliza asks for 8192 tokens whatever is configured. */
async function structured() {
  const schema = z.object({ name: z.string().max(12), mood: z.enum(["glad", "calm"]) });
  const { object } = await generateObject({
    runtime: agent(),
    context: "Describe a person.",
    modelClass: ModelClass.LARGE,
    schema,
    schemaName: "person",
    mode: "tool",
  });
  return object;
}

async function errors() {
  const raised = (error) => {
    const { name, statusCode, data, isRetryable } = error;
    return { name, statusCode, code: data.error.code, isRetryable };
  };
  return [
    await ask(agent({ token: "psk_wrong" })).catch(raised),
    await ask(agent({ modelConfig: {} })).catch(raised), // its default of 8192 tokens
    await structured().catch(raised),
  ];
}

await tell({ chat, structured, errors });
