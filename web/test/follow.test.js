// Files of a channel that somebody has changed on the way, in the module alone.
// Whole attacks with their verdicts are in testdata/channel/attacks.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { follow } from '../follow.js';
import { instantiate, NearsideError, toHex } from '../guest.js';
import { name as channel, news, now, root } from './mirror.js';

const wasm = new URL('../../wasm/bin/nearside.wasm', import.meta.url);
const skip = !existsSync(wasm) && 'wasm/bin/nearside.wasm is not built: run `make wasm`';
const module = skip ? undefined : await WebAssembly.compile(readFileSync(wasm));
const fresh = () => instantiate(/** @type {WebAssembly.Module} */ (module));

/**
 * Follows an honest channel, and hands each step to visit before it is taken.
 *
 * @param {Awaited<ReturnType<typeof fresh>>} guest
 * @param {import('./mirror.js').Files} files
 * @param {(ask: (file: Uint8Array) => any, name: string, file: Uint8Array, state: Uint8Array) => void} [visit]
 */
function walk(guest, files, visit) {
  let step = follow(guest, { anchor: root, channel, now });
  while (step.want) {
    const { state, want } = step;
    const ask = (/** @type {Uint8Array} */ bytes) => follow(guest, { anchor: state, now, name: want, file: bytes });
    const file = files.get(want) ?? assert.fail(want);
    visit?.(ask, want, file.slice(), state);
    step = ask(file);
  }
  return { state: step.state, release: step.release ?? assert.fail('no release') };
}

/** The file of a release. @param {import('./mirror.js').Files} files @param {import('../guest.js').Release} release */
function fileOf(files, { sections, leaves }) {
  const parts = [];
  let at = 0;
  for (const { head, bytes } of sections) {
    parts.push(head);
    for (let from = 0; from === 0 || from < bytes; from += 65536) {
      parts.push(files.get(`chunks/${toHex(leaves.subarray(at, (at += 32)))}`) ?? assert.fail('a chunk is missing'));
    }
  }
  assert.equal(at, leaves.length);
  return new Uint8Array(Buffer.concat(parts));
}

/**
 * A changed file is refused; only what is not signed in the newest root, which
 * tells no more than its version, may pass, and then nothing new is believed.
 *
 * @param {() => any} ask @param {string} name @param {Uint8Array} state @param {string} change
 */
function refused(ask, name, state, change) {
  let step;
  try {
    step = ask();
  } catch (error) {
    if (!(error instanceof NearsideError) || error.code === 'trap' || error.code === 'internal') throw error;
    return;
  }
  assert.equal(name, 'root.nsr', `${name}, ${change}: accepted`);
  assert.equal(toHex(step.state), toHex(state), `${name}, ${change}: another state`);
}

test('a bit that is flipped is refused, in every file', { skip }, async () => {
  const stride = 97; // a prime, so that every bit of a byte has its turn
  /** @type {string[]} */
  const seen = [];
  walk(await fresh(), news(), (ask, name, bytes, state) => {
    if (name === 'root.nsr' && seen.length > 0) return;
    for (let bit = seen.length; bit < 8 * bytes.length; bit += stride) {
      bytes[bit >> 3] ^= 1 << (bit & 7);
      refused(() => ask(bytes), name, state, `bit ${bit}`);
      bytes[bit >> 3] ^= 1 << (bit & 7);
    }
    seen.push(name.replace(/[0-9a-f]{64}/, '…'));
  });
  assert.deepEqual(seen, ['root.nsr', 'roots/2.nsr', 'head.nsh', 'releases/….nsm']);
});

test('a file that is cut short or goes on is refused', { skip }, async () => {
  walk(await fresh(), news(), (ask, name, bytes, state) => {
    const lengths = Array.from({ length: Math.ceil(bytes.length / 97) }, (_, i) => 97 * i);
    for (const n of [...lengths, bytes.length - 1]) refused(() => ask(bytes.slice(0, n)), name, state, `the first ${n} bytes`);
    const longer = new Uint8Array(bytes.length + 1);
    longer.set(bytes);
    refused(() => ask(longer), name, state, 'a byte more');
  });
});

test('a step holds nothing, and its answer stays as it is', { skip }, async () => {
  const guest = await fresh();
  const first = follow(guest, { anchor: root, channel, now });
  const copy = structuredClone(first);
  follow(guest, { anchor: root, channel: 'another', now });
  assert.deepEqual(first, copy);
  assert.deepEqual(follow(guest, { anchor: root, channel, now }), copy);
  assert.throws(() => guest.manifest(), { code: 'not-open' });
});

test('a step has names in place of numbers', { skip }, async () => {
  /** @type {any[]} */
  const steps = [];
  const { release } = walk(await fresh(), news(), (_, want) => steps.push(want));
  assert.deepEqual([release.version, release.manifest], [2, steps.at(-1).slice(9, 73)]);
  const guest = await fresh();
  const files = news();
  let step = follow(guest, { anchor: root, channel, now });
  while (step.want !== steps.at(-1)) {
    assert.deepEqual([step.patches, step.release], [[], null]);
    step = follow(guest, { anchor: step.state, now, name: step.want, file: files.get(step.want) });
  }
  const [patch] = step.patches;
  assert.deepEqual([step.patches.length, files.get(`patches/${patch.digest}`)?.length], [1, patch.bytes]);
  assert.ok(files.has(`releases/${patch.from}.nsm`));
  assert.ok(step.max >= (files.get(step.want)?.length ?? Infinity));
});

test('a state opens a bundle, and the answer is the state to store', { skip }, async () => {
  const guest = await fresh();
  const one = walk(guest, news('before'));
  const two = walk(guest, news());
  const [first, second] = [fileOf(news(), one.release), fileOf(news(), two.release)];
  const opened = guest.open(two.state, second, now) ?? assert.fail();
  assert.notDeepEqual(opened, two.state);
  assert.throws(() => guest.open(opened, first, now), { code: 'rollback', message: /^guest: open: / });
  assert.deepEqual(guest.open(opened, second, now), opened);
  for (const size of [second.length, 0]) {
    const arriving = guest.receive(two.state, size, now);
    for (let from = 0; from < second.length; from += 10_000) {
      assert.equal(arriving.state, null);
      arriving.write(second.slice(from, from + 10_000));
    }
    arriving.close();
    assert.deepEqual(arriving.state, opened);
  }
  assert.equal(guest.open(root, first, now), null);
});

test('WebCrypto, the module and Go agree on the hash of a leaf', { skip }, async () => {
  // The module compares the leaves of each release with the manifest, and the
  // sections with both when it opens the bundle. Go has written them.
  const guest = await fresh();
  const lengths = new Set();
  for (const files of [news('before'), news(), news('no-neighbours')]) {
    const { state, release } = walk(guest, files);
    for (let at = 0; at < release.leaves.length; at += 32) {
      const hash = toHex(release.leaves.subarray(at, at + 32));
      const leaf = files.get(`chunks/${hash}`) ?? assert.fail();
      assert.equal(toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', Buffer.concat([Buffer.of(0), leaf])))), hash);
      lengths.add(leaf.length);
    }
    assert.ok(guest.open(state, fileOf(files, release), now));
  }
  for (const edge of [0, 1, 65535, 65536]) assert.ok(lengths.has(edge), `no leaf of ${edge} bytes`);
  assert.ok(lengths.size > 10);
});
