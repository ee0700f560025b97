import { AgentRuntime, ModelType } from "@elizaos/core";
import { openaiPlugin } from "@elizaos/plugin-openai";
import sqlPlugin from "@elizaos/plugin-sql";

const character = {
  name: "Ada",
  bio: "A guide to Paris.",
  system: "You are Ada, a guide to Paris. You answer in one sentence.",
  settings: { DEFAULT_MAX_TOKENS: "128" },
};

const runtime = new AgentRuntime({ character, plugins: [openaiPlugin] });
await runtime.registerPlugin(sqlPlugin);
await runtime.adapter.init();
await runtime.runPluginMigrations();
await runtime.initialize();

const answer = await runtime.useModel(ModelType.TEXT_SMALL, {
  prompt: "What is the most famous street in Paris?",
});
console.log(answer);

await runtime.useModel(ModelType.TEXT_LARGE, {
  prompt: "Tell me about the Seine.",
  onStreamChunk: (piece) => process.stdout.write(piece),
});
process.exit();
