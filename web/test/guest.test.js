import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { codes, instantiate, kinds } from '../guest.js';
import { tinyModule, unreachable } from './tiny.js';

test('the codes are those of ABI.md', () => {
  const text = readFileSync(new URL('../../wasm/ABI.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| (\d+) \| `([a-z-]+)` \|/gm)];
  assert.equal(rows.length, codes.length);
  for (const [, code, name] of rows) assert.equal(codes[Number(code)], name);
});

test('the kinds are those of ABI.md', () => {
  const text = readFileSync(new URL('../../wasm/ABI.md', import.meta.url), 'utf8');
  const row = /kind: (.*) \|$/m.exec(text)?.[1];
  assert.equal(row, kinds.slice(1).map((kind, i) => `${i + 1} ${kind}`).join(', '));
});

test('a module with an import is refused before it runs', async () => {
  await assert.rejects(instantiate(tinyModule({ imports: true })), {
    code: 'module',
    message: 'guest: module imports "env.log", want no imports',
  });
});

test('bytes that are not a module are refused', async () => {
  for (const bytes of [new Uint8Array(0), new Uint8Array([1, 2, 3]), tinyModule().slice(0, 40)]) {
    await assert.rejects(instantiate(bytes), { code: 'module', message: /^guest: module does not compile: / });
  }
});

test('a module that is another one is refused', async () => {
  const empty = new Uint8Array([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
  await assert.rejects(instantiate(empty), { code: 'module', message: 'guest: module lacks the exports of ABI.md' });
  await assert.rejects(instantiate(tinyModule({ abi: 2 })), { code: 'version', message: 'guest: module speaks ABI 2, want 5' });
});

test('a trap is told with the export in which it happened', async () => {
  await assert.rejects(instantiate(tinyModule({ initialize: unreachable })), {
    code: 'trap',
    message: /^guest: the module stopped in "_initialize": RuntimeError/,
  });
});

test('an instance is lost after a trap', async () => {
  // This module lacks the other exports, so the first call stops.
  const guest = await instantiate(new WebAssembly.Module(tinyModule()));
  assert.throws(() => guest.manifest(), { code: 'trap', message: /"nearside_manifest"/ });
  assert.throws(() => guest.manifest(), { code: 'trap', message: /in an earlier call/ });
});
