// Vercel's AI SDK, whatever its provider: `ai_sdk_compatible.mjs` and `ai_sdk_openai.mjs` bring one each.
import { API_KEY, MODEL, tell } from "./telling.mjs";
import { APICallError, Output, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

/** Does the task with the models of `provider(key)`. */
export async function tryOut(provider) {
  const penstock = provider(API_KEY);
  // The Responses API has no seed; without chance an answer is the same each time by either.
  const likeliest = { temperature: 0, maxRetries: 0 };
  const question = { model: penstock(MODEL), prompt: "Name a river.", maxOutputTokens: 24, ...likeliest };

  async function chat() {
    const { text, finishReason, usage } = await generateText(question);
    return { text, finishReason, usage };
  }

  async function stream() {
    const result = streamText(question);
    const pieces = [];
    for await (const piece of result.textStream) pieces.push(piece);
    return { whole: await chat(), pieces, finishReason: await result.finishReason, usage: await result.usage };
  }

  /** Two steps: the call that is asked for by name, and the answer that is made of what the function gave. */
  async function tools() {
    const asked = [];
    const weather = tool({
      description: "The weather in a city.",
      inputSchema: z.object({ city: z.enum(["Oslo", "Lima"]) }),
      execute: ({ city }) => {
        asked.push(city);
        return `It is sunny in ${city}.`;
      },
    });
    const result = streamText({
      ...question,
      prompt: "What is the weather in Oslo?",
      maxOutputTokens: 48,
      tools: { weather },
      prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber ? "none" : { type: "tool", toolName: "weather" } }),
      stopWhen: stepCountIs(2),
    });
    const [first, second] = await result.steps;
    return { asked, gave: first.toolResults.map(({ output }) => output), text: second.text };
  }

  async function structured() {
    const person = z.object({ name: z.string().max(12), mood: z.enum(["glad", "calm"]) });
    const described = {
      ...question,
      prompt: "Describe a person.",
      maxOutputTokens: 64,
      output: Output.object({ schema: person }),
    };
    return { whole: (await generateText(described)).output, streamed: await streamText(described).output };
  }

  async function errors() {
    const stranger = provider("psk_wrong");
    const raised = (error) => ({
      isCallError: APICallError.isInstance(error),
      status: error.statusCode,
      code: error.data.error.code,
      isRetryable: error.isRetryable,
    });
    return [
      await generateText({ ...question, model: stranger(MODEL) }).catch(raised),
      await generateText({ ...question, model: penstock("gpt-17") }).catch(raised),
      await generateText({ ...question, temperature: 3 }).catch(raised),
    ];
  }

  await tell({ chat, stream, tools, structured, errors });
}
