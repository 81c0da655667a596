// What the entries without a page have in common; package.test.js runs each.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mock, test } from 'node:test';
import { openIn } from '../runtimes/recommender.js';

const wasm = new URL('../../wasm/bin/nearside.wasm', import.meta.url);
const skip = !existsSync(wasm) && 'wasm/bin/nearside.wasm is not built: run `make wasm`';

const now = 1800001000; // good for the vectors

/** @param {string} name */
const vector = (name) => readFileSync(new URL(`../../testdata/vectors/${name}`, import.meta.url));

/** @param {Partial<import('../runtimes/recommender.js').Options>} [change] */
const opened = (change) => openIn(readFileSync(wasm), { bundle: vector('ials.nsb'), root: vector('ials.nsr'), now, ...change });

test('a history comes with each call, and nothing of it stays', { skip }, async () => {
  const recommender = await opened();
  const cold = recommender.recommend({ now });
  assert.equal(cold.items.length, 10);
  assert.equal(cold.receipt.cold, true);

  const events = [{ item: 'nowhere' }, { item: cold.items[0].id, kind: 'like', time: now - 60 }];
  const warm = recommender.recommend({ k: 5, events, now });
  assert.deepEqual([warm.receipt.used, warm.receipt.unknown, warm.items.length], [1, 1, 5]);
  assert.deepEqual(warm.items[0].reasons, [{ id: cold.items[0].id, kind: 'like', time: now - 60, share: 1 }]);
  assert.ok(!warm.items.some(({ id }) => id === cold.items[0].id));
  assert.deepEqual(events[0], { item: 'nowhere' });
  assert.deepEqual(recommender.recommend({ now }), cold);
});

test('what an event leaves out is a click of now', { skip }, async () => {
  const recommender = await opened();
  const given = recommender.recommend({ events: [{ item: 'i3', kind: 'click', time: now, weight: 1 }], now });
  assert.deepEqual(recommender.recommend({ events: [{ item: 'i3' }], now }), given);
});

test('filter, vector and diversity are the module\'s', { skip }, async () => {
  const recommender = await opened();
  const { items } = recommender.recommend({ k: 40, filter: { exclude: ['i0'], noTags: ['dark'] }, reasons: 0, now });
  assert.deepEqual(items.filter(({ index }) => index % 2 === 1 || index === 0), []);
  assert.ok(items.length > 0);
  const { items: near } = recommender.recommend({ vector: new Float32Array(8).fill(1), events: [{ item: 'i3' }], now });
  assert.deepEqual(near.map(({ reasons }) => reasons), near.map(() => []));
  const plain = recommender.recommend({ events: [{ item: 'i3' }], now });
  assert.deepEqual(recommender.recommend({ events: [{ item: 'i3' }], diversity: 0, now }), plain);
  assert.notDeepEqual(recommender.recommend({ events: [{ item: 'i3' }], diversity: 1, now }), plain);
});

test('of a long history the latest events count', { skip }, async () => {
  const recommender = await opened();
  const { history } = recommender.manifest().limits;
  const events = Array.from({ length: history }, () => ({ item: 'i3' }));
  assert.deepEqual(recommender.recommend({ events: [{ item: 'i5', kind: 'hide' }, ...events], now }), recommender.recommend({ events, now }));
});

test('files may be views and buffers', { skip }, async () => {
  const [bundle, root] = ['ials.nsb', 'ials.nsr'].map((name) => vector(name));
  const wide = new Uint8Array(bundle.length + 2);
  wide.set(bundle, 1);
  const recommender = await opened({ bundle: wide.subarray(1, -1), root: new Uint8Array(root).buffer });
  assert.equal(recommender.items([3]).items[0].id, 'i3');
});

test('a bundle that is not in order does not open', { skip }, async () => {
  await assert.rejects(opened({ bundle: vector('ials.nsb').subarray(0, -1) }), { name: 'NearsideError', code: 'syntax' });
  await assert.rejects(opened({ now: 4e9 }), { code: 'root-expired' });
});

test('one that has expired since answers no more', { skip }, async () => {
  const recommender = await opened();
  const { expires } = recommender.manifest();
  assert.equal(recommender.recommend({ now: expires - 1 }).items.length, 10);
  assert.throws(() => recommender.recommend({ now: expires }), { code: 'expired' });
  mock.timers.enable({ apis: ['Date'], now: 1000 * expires }); // and the clock says so by itself
  try {
    assert.throws(() => recommender.recommend(), { code: 'expired' });
    await assert.rejects(opened({ now: undefined }), { code: 'expired' });
  } finally {
    mock.timers.reset();
  }
});

test('closed is closed', { skip }, async () => {
  const recommender = await opened();
  recommender[Symbol.dispose]();
  assert.throws(() => recommender.recommend({ now }), { code: 'closed' });
  assert.throws(() => recommender.items([]), { code: 'closed' });
  assert.equal(recommender.manifest().channel, 'test');
});

test('what the module refuses keeps its code', { skip }, async () => {
  const recommender = await opened();
  assert.throws(() => recommender.recommend({ k: 1001, now }), { code: 'limit' });
  assert.throws(() => recommender.recommend({ filter: { seen: true }, now }), { code: 'request' });
  assert.throws(() => recommender.items([40]), { code: 'request' });
});
