// Vercel's AI SDK by its provider for compatible servers, which speaks chat completions.
import { BASE_URL } from "./telling.mjs";
import { tryOut } from "./ai_sdk.mjs";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";

const settings = { name: "penstock", baseURL: BASE_URL, includeUsage: true, supportsStructuredOutputs: true };

await tryOut((apiKey) => createOpenAICompatible({ ...settings, apiKey }));
