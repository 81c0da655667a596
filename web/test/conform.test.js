import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { toHex } from '../guest.js';
import { decode, encode } from '../msgpack.js';
import { fromHex, runAttacks, runBad, runVector } from './vectors.js';

const wasm = new URL('../../wasm/bin/nearside.wasm', import.meta.url);
const vectors = new URL('../../testdata/vectors/', import.meta.url);
const bundles = new URL('../../testdata/bundles/', import.meta.url);
const attacks = new URL('../../testdata/channel/attacks/', import.meta.url);
const skip = !existsSync(wasm) && 'wasm/bin/nearside.wasm is not built: run `make wasm`';

/** @param {URL} folder */
const filesIn = (folder) => async (/** @type {string} */ name) => new Uint8Array(await readFile(new URL(name, folder)));

const names = readdirSync(vectors).filter((name) => name.endsWith('.json'));

test('there are vectors', () => assert.ok(names.length > 0));

for (const name of names) {
  const vector = JSON.parse(readFileSync(new URL(name, vectors), 'utf8'));

  test(`${name}: the same bytes as on every engine`, { skip }, async () => {
    assert.deepEqual(await runVector(readFileSync(wasm), vector, filesIn(vectors)), []);
  });

  test(`${name}: the codec reads every document and writes the same bytes`, () => {
    for (const { request, answer } of vector.calls) {
      for (const bytes of [request, answer].filter(Boolean)) assert.equal(toHex(encode(decode(fromHex(bytes)))), bytes);
    }
  });
}

test('bad bundles get their verdicts', { skip }, async () => {
  const list = JSON.parse(readFileSync(new URL('bad.json', bundles), 'utf8'));
  assert.deepEqual(await runBad(readFileSync(wasm), list, filesIn(bundles)), []);
});

test('attacks on a channel get their verdicts', { skip }, async () => {
  const list = JSON.parse(readFileSync(new URL('attacks.json', attacks), 'utf8'));
  assert.deepEqual(await runAttacks(readFileSync(wasm), list, filesIn(attacks)), []);
});
