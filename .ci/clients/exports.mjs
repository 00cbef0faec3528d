// Exports in the programs they are for: SillyTavern's own way to read a card, its specification, LibreChat's schema,
// and the template engine of promptfoo.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const installed = createRequire(`${process.env.NODE_PACKAGES}/package.json`);
const load = async (name) => {
  const loaded = await import(pathToFileURL(installed.resolve(name)));
  return loaded.default ?? loaded;
};
const extract = await load("png-chunks-extract");
const text = await load("png-chunk-text");
const cards = await load("character-card-utils");
const yaml = await load("js-yaml");
const nunjucks = await load("nunjucks");
const { configSchema } = installed("librechat-data-provider");

async function exported(id, format) {
  const answer = await fetch(`${process.env.BASE_URL}/api/personas/${id}/export?format=${format}`);
  assert.equal(answer.status, 200, `${id} as ${format}`);
  return Buffer.from(await answer.arrayBuffer());
}

function cardIn(png, keyword) {
  const texts = extract(new Uint8Array(png)).filter((chunk) => chunk.name === "tEXt").map((chunk) => text.decode(chunk.data));
  const found = texts.find((each) => each.keyword.toLowerCase() === keyword);
  assert.ok(found, `no chunk ${keyword}`);
  return JSON.parse(Buffer.from(found.text, "base64").toString("utf8"));
}

const listed = await (await fetch(`${process.env.BASE_URL}/api/personas`)).json();
const personas = listed.personas ?? listed.items ?? listed;
assert.ok(personas.length > 1);
for (const { id, name } of personas) {
  const png = await exported(id, "card-png");
  const v2 = cards.v2.parse(cardIn(png, "chara"));
  assert.equal(v2.data.name, name);
  const v3 = cardIn(png, "ccv3");
  assert.deepEqual([v3.spec, v3.spec_version, v3.data.name], ["chara_card_v3", "3.0", name]);
  assert.ok(cards.v2.safeParse(JSON.parse(await exported(id, "card-v2"))).success, id);
  assert.ok(cards.v1.safeParse(JSON.parse(await exported(id, "card-v1"))).success, id);
  const config = configSchema.strict().safeParse(yaml.load((await exported(id, "librechat")).toString("utf8")));
  assert.ok(config.success, `${id}: ${JSON.stringify(config.error?.issues)}`);
  assert.equal(config.data.modelSpecs.list[0].label, name);
}
console.log(`${personas.length} personas, each as five exports, are read by character-card-utils and librechat-data-provider`);

// promptfoo reads a prompt that is JSON piece by piece, each a template, and has its environment among the variables.
const templates = nunjucks.configure({ autoescape: false });
templates.addGlobal("env", { SECRET: "the environment" });
const HOSTILE = [
  "{{env.SECRET}}", "{% raw %}{{ '{' }}{# x #}", "{{{{x}}}} }} {{ {", "#}{#", "{{range.constructor('return 1')()}}",
  "{%- if x -%}y{%- endif -%}", "{{ '{{' }}{{ \"}}\" }}", "\\{{x}}\\", "'{'{'{\n{{\nenv.SECRET\n}}", "ends with {",
  "{{user}}{{{user}}}{{user}}#}", "{{#each x}}{{/each}}", "<%= x %> ${x} `x`", '{"$ref": "file://x"}', "- a: {{b}}\n# c",
];
const kept = (text) => text.replaceAll("{{user}}", "User");
for (const [number, systemPrompt] of HOSTILE.entries()) {
  const persona = { id: `hostile-${number}`, name: "Hostile {{env.SECRET}}", systemPrompt, greeting: systemPrompt };
  const headers = { "Content-Type": "application/json" };
  const made = await fetch(`${process.env.BASE_URL}/api/personas`, { method: "POST", headers, body: JSON.stringify(persona) });
  assert.equal(made.status, 201, await made.text());
  const config = yaml.load((await exported(persona.id, "promptfoo")).toString("utf8"));
  const values = { ...config.defaultTest.vars, ...config.tests[0].vars };
  const sent = JSON.parse(config.prompts[0].raw).map(({ role, content }) => [role, templates.renderString(content, values)]);
  assert.deepEqual(sent.slice(0, 2), [["system", kept(systemPrompt)], ["assistant", kept(systemPrompt)]]);
  assert.equal(templates.renderString(config.description, values), persona.name);
}
console.log(`${HOSTILE.length} personas full of braces are the same text in promptfoo's templates`);
