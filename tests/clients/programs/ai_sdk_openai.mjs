// Vercel's AI SDK by its provider for OpenAI, which speaks the Responses API.
import { BASE_URL } from "./telling.mjs";
import { tryOut } from "./ai_sdk.mjs";
import { createOpenAI } from "@ai-sdk/openai";

await tryOut((apiKey) => createOpenAI({ baseURL: BASE_URL, apiKey }));
