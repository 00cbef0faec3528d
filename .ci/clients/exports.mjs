// Exports in the programs they are for: SillyTavern's own way to read a card, its specification, LibreChat's schema.
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
