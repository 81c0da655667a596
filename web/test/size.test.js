import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { brotliCompressSync } from 'node:zlib';

const files = ['nearside.js', 'worker.js', 'channel.js', 'guest.js', 'idb.js', 'keeper.js', 'load.js', 'manifest.js', 'msgpack.js', 'patch.js', 'profile.js', 'records.js', 'store.js'];

test('the README says how large the SDK is', () => {
  const read = (/** @type {string} */ name) => readFileSync(new URL(`../${name}`, import.meta.url));
  const kB = (/** @type {Uint8Array[]} */ list) => list.reduce((sum, { length }) => sum + length, 0) / 1000;
  const bodies = files.map(read);
  const [, plain, brotli] = /^Size: ([\d.]+) kB of JavaScript, ([\d.]+) kB with brotli/m.exec(read('README.md').toString()) ?? [];
  const tol = 0.05; // a comment more or less is not worth a change of the README
  for (const [said, is] of [[plain, kB(bodies)], [brotli, kB(bodies.map((body) => brotliCompressSync(body)))]]) {
    assert.ok(Math.abs(Number(said) / Number(is) - 1) < tol, `README says ${said} kB, it is ${Number(is).toFixed(1)}`);
  }
});
