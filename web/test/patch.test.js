import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { toHex } from '../guest.js';
import { applyPatch, PatchError } from '../patch.js';
import { fromHex } from './vectors.js';

const list = JSON.parse(readFileSync(new URL('../../testdata/patches/patches.json', import.meta.url), 'utf8'));

test('there are good and bad patches', () => {
  const reasons = new Set(list.map((/** @type {any} */ v) => v.reason));
  assert.deepEqual(reasons, new Set([undefined, 'document', 'size', 'old', 'changes']));
});

for (const { name, old, patch, size, new: body = '', reason } of list) {
  test(`${name}: ${reason ?? 'applied'}`, async () => {
    const before = fromHex(old);
    const applied = applyPatch(before, fromHex(patch), size);
    if (reason === undefined) assert.equal(toHex(await applied), body);
    else await assert.rejects(applied, (error) => error instanceof PatchError && error.reason === reason);
    assert.equal(toHex(before), old, 'the old body has changed');
  });
}

test('a size that is none is refused', async () => {
  for (const size of [-1, NaN, Infinity, 2 ** 53]) {
    await assert.rejects(applyPatch(fromHex(list[0].old), fromHex(list[0].patch), size), { reason: 'size' });
  }
});
