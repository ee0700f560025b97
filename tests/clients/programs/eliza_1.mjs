// eliza 1.x: an agent that starts up with its own database and the plugin for OpenAI, which speaks the Responses API.
import { API_KEY, BASE_URL, MODEL, tell } from "./telling.mjs";
import { AgentRuntime, ModelType } from "@elizaos/core";
import { openaiPlugin } from "@elizaos/plugin-openai";
import sqlPlugin from "@elizaos/plugin-sql";

/** As a character's settings configure it. DEFAULT_MAX_TOKENS is 8192 where it is not set. */
async function agent() {
  const settings = {
    OPENAI_API_KEY: API_KEY,
    OPENAI_BASE_URL: BASE_URL,
    OPENAI_SMALL_MODEL: MODEL,
    OPENAI_LARGE_MODEL: MODEL,
    DEFAULT_MAX_TOKENS: "48",
  };
  const character = { name: "Ada", bio: "A guide.", system: "You are Ada, a guide.", settings };
  const runtime = new AgentRuntime({ character, plugins: [openaiPlugin] });
  await runtime.registerPlugin(sqlPlugin);
  await runtime.adapter.init();
  await runtime.runPluginMigrations();
  await runtime.initialize();
  return runtime;
}

const question = { prompt: "Name a river.", temperature: 0 };

async function chat() {
  return (await agent()).useModel(ModelType.TEXT_SMALL, question);
}

async function stream() {
  const runtime = await agent();
  const whole = await runtime.useModel(ModelType.TEXT_LARGE, question);
  const pieces = [];
  await runtime.useModel(ModelType.TEXT_LARGE, { ...question, onStreamChunk: (piece) => pieces.push(piece) });
  return { whole, pieces };
}

async function structured() {
  const asked = { prompt: 'Answer with {"mood": "glad"} as JSON.', temperature: 0 };
  return (await agent()).useModel(ModelType.OBJECT_SMALL, asked);
}

async function errors() {
  const runtime = await agent();
  const raised = (error) => {
    const { name, statusCode, data, isRetryable } = error;
    return { name, statusCode, code: data.error.code, isRetryable };
  };
  const asked = (more) => runtime.useModel(ModelType.TEXT_SMALL, { ...question, ...more }).catch(raised);
  const tooLong = await asked({ maxTokens: 8192 });
  runtime.setSetting("OPENAI_SMALL_MODEL", "gpt-17");
  const unknown = await asked();
  runtime.setSetting("OPENAI_API_KEY", "psk_wrong");
  return [tooLong, unknown, await asked()];
}

await tell({ chat, stream, structured, errors });
