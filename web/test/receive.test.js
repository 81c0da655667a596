// A bundle that opens while it is still arriving, in the module alone.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { instantiate, toHex } from '../guest.js';
import { decode } from '../msgpack.js';
import { fromHex } from './vectors.js';

const wasm = new URL('../../wasm/bin/nearside.wasm', import.meta.url);
const skip = !existsSync(wasm) && 'wasm/bin/nearside.wasm is not built: run `make wasm`';

/** @param {string} name */
const read = (name) => readFileSync(new URL(`../../testdata/vectors/${name}`, import.meta.url));
/** @param {string} name */
const file = (name) => new Uint8Array(read(name));

const now = 1800001000;
const root = file('pq-int8.nsr');
const bundle = file('pq-int8.nsb'); // codes first, then rows that rescore
const { calls } = JSON.parse(read('pq-int8.json').toString());
const events = [{ item: 'i7', kind: 'like', time: now, weight: 1 }];
const ask = { k: 5, now, events, reasons: 0, exclude: [] };

const module = skip ? undefined : await WebAssembly.compile(readFileSync(wasm));
const fresh = () => instantiate(/** @type {WebAssembly.Module} */ (module));

/** @param {Uint8Array} bytes @param {number} size */
function* cut(bytes, size) {
  for (let from = 0; from < bytes.length; from += size) yield bytes.slice(from, from + size);
}

/** A line for each answer that differs from the vector's. @param {Awaited<ReturnType<typeof fresh>>} guest */
function differences(guest) {
  return calls
    .filter((/** @type {any} */ call) => {
      const { status, answer } = guest.call(call.export, fromHex(call.request));
      return status !== call.status || (status === 0 ? toHex(answer) : '') !== call.answer;
    })
    .map((/** @type {any} */ { name }) => name);
}

for (const size of [1, 7, 1000, 4096, bundle.length - 1, bundle.length]) {
  test(`chunks of ${size} bytes give the vector's answers`, { skip }, async () => {
    const guest = await fresh();
    const arriving = guest.receive(root, bundle.length, now);
    for (const chunk of cut(bundle, size)) arriving.write(chunk);
    arriving.close();
    assert.deepEqual(differences(guest), []);
    assert.equal(guest.recommend(ask).receipt.early, false);
    arriving.close(); // once more is nothing
  });
}

test('the codes answer before the rows have come, and say so', { skip }, async () => {
  const guest = await fresh();
  const arriving = guest.receive(root, bundle.length, now);
  let openAt = 0;
  for (let i = 0; i < bundle.length; i++) {
    assert.equal(arriving.open, openAt > 0);
    if (!arriving.open) assert.throws(() => guest.manifest(), { code: 'not-open' });
    arriving.write(bundle.subarray(i, i + 1));
    if (arriving.open && openAt === 0) openAt = i + 1;
    if (openAt === i + 1 || i === bundle.length - 1) {
      const { receipt, items } = guest.recommend(ask);
      assert.equal(receipt.early, true);
      assert.equal(items.length, 5);
      guest.recommend({ ...ask, k: 1000 }); // the memory may grow between two chunks
    }
  }
  assert.ok(openAt > 0 && openAt < bundle.length, `opened at byte ${openAt}`);
  arriving.close();
  assert.deepEqual(differences(guest), []);
});

test('a bundle without rows that rescore opens at its end', { skip }, async () => {
  const guest = await fresh();
  const arriving = guest.receive(file('ials.nsr'), file('ials.nsb').length, now);
  for (const chunk of cut(file('ials.nsb'), 1000)) {
    arriving.write(chunk);
    assert.equal(arriving.open, false);
  }
  arriving.close();
  assert.equal(arriving.open, true);
  assert.equal(guest.recommend(ask).receipt.early, false);
});

test('a receiver is the sink of a stream', { skip }, async () => {
  const guest = await fresh();
  const arriving = guest.receive(root, bundle.length, now);
  await /** @type {ReadableStream} */ (new Response(bundle).body).pipeTo(new WritableStream(arriving));
  assert.deepEqual(differences(guest), []);
});

test('a changed bit in the late rows is refused, and the codes go on', { skip }, async () => {
  const guest = await fresh();
  const changed = bundle.slice();
  changed[changed.length - 1] ^= 1;
  const arriving = guest.receive(root, changed.length, now);
  for (const chunk of cut(changed, 100)) arriving.write(chunk);
  const before = guest.recommend(ask);
  for (let i = 0; i < 2; i++) assert.throws(() => arriving.close(), { name: 'NearsideError', code: 'hash', message: /^guest: complete: / });
  assert.throws(() => arriving.write(bundle), { code: 'hash' });
  assert.deepEqual(guest.recommend(ask), before);
  assert.equal(before.receipt.early, true);
});

test('a changed bit before them is refused at the end, and the bundle before stays', { skip }, async () => {
  const guest = await fresh();
  guest.open(file('ials.nsr'), file('ials.nsb'), now);
  const changed = bundle.slice();
  changed[bundle.length - 1000] ^= 1; // a centroid
  const arriving = guest.receive(root, changed.length, now);
  // It could as well be that the announced size is wrong, which is no error.
  for (const chunk of cut(changed, 500)) arriving.write(chunk);
  for (let i = 0; i < 2; i++) assert.throws(() => arriving.close(), { code: 'hash', message: /^guest: open: / });
  assert.throws(() => arriving.write(changed), { code: 'hash' });
  assert.equal(arriving.open, false);
  assert.equal(guest.recommend(ask).receipt.early, false);
});

test('another root refuses the first bytes', { skip }, async () => {
  const guest = await fresh();
  const arriving = guest.receive(file('ease.nsr').fill(0, 100, 132), bundle.length, now);
  assert.throws(() => arriving.write(bundle.subarray(0, bundle.length - 1)), { code: 'signature' });
});

for (const [what, size] of [['unknown', 0], ['unknown', NaN], ['smaller', 10], ['smaller', bundle.length - 1], ['larger', bundle.length + 1], ['larger', 2 * bundle.length]]) {
  for (const step of [1, 1000, bundle.length]) {
    test(`a size that is ${what} (${size}) costs a copy and nothing else, chunks of ${step}`, { skip }, async () => {
      const guest = await fresh();
      const arriving = guest.receive(root, /** @type {number} */ (size), now);
      for (const chunk of cut(bundle, /** @type {number} */ (step))) arriving.write(chunk);
      arriving.close();
      assert.deepEqual(differences(guest), []);
      assert.equal(guest.recommend(ask).receipt.early, false);
    });
  }
}

test('a file that ends too soon is refused', { skip }, async () => {
  for (const [length, early] of [[0, false], [1, false], [5000, false], [bundle.length - 1, true]]) {
    for (const size of [bundle.length, 0]) {
      const guest = await fresh();
      const arriving = guest.receive(root, size, now);
      for (const chunk of cut(bundle.slice(0, Number(length)), 1000)) arriving.write(chunk);
      assert.equal(arriving.open, early && size > 0, `${length} of ${size} bytes`);
      assert.throws(() => arriving.close(), { name: 'NearsideError', code: length === 0 ? 'memory' : 'syntax' });
      if (arriving.open) assert.equal(guest.recommend(ask).receipt.early, true);
      else assert.throws(() => guest.recommend(ask), { code: 'not-open' });
    }
  }
});

test('a receiver writes no more once another bundle is open, or after abort', { skip }, async () => {
  const guest = await fresh();
  const first = guest.receive(root, bundle.length, now);
  first.write(bundle.subarray(0, bundle.length - 1));
  assert.equal(first.open, true);
  guest.open(file('ials.nsr'), file('ials.nsb'), now);
  const before = guest.recommend(ask);
  assert.throws(() => first.write(bundle.subarray(-1)), { code: 'closed', message: 'guest: receive: another bundle was opened' });
  assert.throws(() => first.close(), { code: 'closed' });

  const second = guest.receive(root, bundle.length, now);
  second.write(bundle.subarray(0, 100));
  second.abort();
  assert.throws(() => second.write(bundle), { code: 'closed', message: 'guest: receive: closed' });
  assert.deepEqual(guest.recommend(ask), before);
});

test('aborted receivers leave no memory behind', { skip }, async () => {
  const guest = await fresh();
  // 200 of these would be 25 GB, and memory is 4 GB at most.
  for (let i = 0; i < 200; i++) guest.receive(root, 2 ** 27, now).abort();
  assert.throws(() => guest.receive(root, 2 ** 30 + 1, now), { code: 'memory' });
});

test('filters, availability and a vector reach the module', { skip }, async () => {
  const guest = await fresh();
  guest.open(root, bundle, now);
  const plain = guest.recommend({ ...ask, k: 200 });
  const { count, items } = guest.items(Array.from({ length: guest.items([]).count }, (_, i) => i));
  const ids = (/** @type {any} */ request) => guest.recommend({ ...ask, k: 200, ...request }).items.map(({ id }) => id);
  const tag = items.flatMap(({ tags }) => tags)[0];
  const tagged = new Set(items.filter(({ tags }) => tags.includes(tag)).map(({ id }) => id));
  assert.ok(tagged.size > 0 && tagged.size < count);
  assert.deepEqual(ids({ anyTags: [tag] }), plain.items.map(({ id }) => id).filter((id) => tagged.has(id)));
  assert.deepEqual(ids({ noTags: [tag] }), plain.items.map(({ id }) => id).filter((id) => !tagged.has(id)));

  const gone = plain.items[0].index;
  const unavailable = new Uint8Array((count + 7) >> 3);
  unavailable[gone >> 3] |= 1 << (gone & 7);
  assert.deepEqual(ids({ unavailable }), plain.items.slice(1).map(({ id }) => id));
  assert.deepEqual(ids({ unavailable: new Uint8Array(0), anyTags: [], noTags: [], vector: new Float32Array(0) }), ids({}));

  const call = calls.find((/** @type {any} */ { name }) => name === 'a vector');
  const wanted = decode(fromHex(call.request));
  const vector = new Float32Array(wanted.get(9).slice().buffer);
  const got = guest.recommend({ ...ask, k: wanted.get(1), events: [], unavailable: wanted.get(8), vector });
  assert.deepEqual(
    got.items.map(({ index, score }) => [index, score]),
    decode(fromHex(call.answer)).get(1).map((/** @type {any} */ item) => [item.get(0), item.get(3)]),
  );
});
