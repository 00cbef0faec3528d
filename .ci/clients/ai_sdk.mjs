// Vercel's AI SDK: both endpoints, two turns, a tool, a stream, an object.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const installed = createRequire(`${process.env.NODE_PACKAGES}/package.json`);
const load = (name) => import(pathToFileURL(installed.resolve(name)));
const { generateText, streamText, tool, stepCountIs, generateObject } = await load("ai");
const { createOpenAI } = await load("@ai-sdk/openai");
const { z } = await load("zod");

const openai = createOpenAI({ baseURL: `${process.env.BASE_URL}/v1`, apiKey: "x" });
const weather = tool({
  description: "How the weather is.",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `rain in ${city}`,
});

for (const model of [openai(process.env.MODEL), openai.chat(process.env.MODEL)]) {
  const messages = [{ role: "user", content: "How is the weather?" }];
  const first = await generateText({ model, messages, tools: { weather }, stopWhen: stepCountIs(3), maxRetries: 0 });
  assert.match(first.text, /The tool said .*rain in Paris/);
  messages.push(...first.response.messages, { role: "user", content: "And now?" });
  const second = await generateText({ model, messages, maxRetries: 0 });
  assert.equal(second.text, "Hello there.");
  const stream = streamText({ model, messages, tools: { weather }, stopWhen: stepCountIs(3), maxRetries: 0 });
  assert.match(await stream.text, /The tool said/);
  const placed = await generateObject({ model, prompt: "Which city?", schema: z.object({ city: z.string() }), maxRetries: 0 });
  assert.deepEqual(placed.object, { city: "Paris" });
}
console.log("ai", installed("ai/package.json").version);
