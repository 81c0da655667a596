// Lists of the real module become more varied by `diversity`.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mock, test } from 'node:test';
import { instantiate } from '../guest.js';
import { open } from '../nearside.js';
import { WebWorker } from './webworker.js';

Object.assign(globalThis, { Worker: WebWorker });

const now = 1800001000;
const wasm = new URL('../../wasm/bin/nearside.wasm', import.meta.url);
const skip = !existsSync(wasm) && 'wasm/bin/nearside.wasm is not built: run `make wasm`';

/** @param {string} name */
const file = (name) => new Uint8Array(readFileSync(new URL(`../../testdata/vectors/${name}`, import.meta.url)));

async function opened() {
  mock.timers.enable({ apis: ['Date'], now: 1000 * now });
  try {
    return await open({ wasm: readFileSync(wasm), bundle: file('ials.nsb'), root: file('ials.nsr'), onWarning: assert.fail });
  } finally {
    mock.timers.reset();
  }
}

/**
 * The mean Jaccard similarity of the tags and authors of every two items.
 *
 * @param {{tags: string[], author: string}[]} entries
 */
function similarity(entries) {
  const labels = entries.map(({ tags, author }) => new Set([...tags, ...(author ? [`by ${author}`] : [])]));
  const pairs = labels.flatMap((a, i) => labels.slice(0, i).map((b) => {
    const both = [...a].filter((label) => b.has(label)).length;
    return both / (a.size + b.size - both || 1);
  }));
  return pairs.reduce((sum, value) => sum + value, 0) / pairs.length;
}

test('a list becomes more varied by diversity', { skip }, async () => {
  const nearside = await opened();
  try {
    const { items: popular } = await nearside.recommend({ k: 3 });
    nearside.observe({ item: popular[1].id, kind: 'like', time: now });
    const plain = await nearside.recommend({ k: 40 });
    assert.deepEqual(await nearside.recommend({ k: 40, diversity: 0 }), plain);
    const scores = new Map(plain.items.map((item) => [item.id, item]));

    const found = [];
    for (const diversity of [0, 0.5, 1]) {
      const { items, receipt } = await nearside.recommend({ k: 5, diversity });
      assert.deepEqual(receipt, plain.receipt);
      assert.equal(items.length, 5);
      assert.equal(new Set(items.map(({ id }) => id)).size, 5);
      assert.equal(items[0].id, plain.items[0].id); // the best always comes first
      for (const item of items) assert.deepEqual(item, scores.get(item.id)); // as without
      found.push(similarity((await nearside.items(items.map(({ index }) => index))).items));
    }
    assert.ok(found[0] > found[1] && found[1] >= found[2], `similarity ${found}`);

    const like = await nearside.similar(popular[0].id, { k: 5 });
    const unlike = await nearside.similar(popular[0].id, { k: 5, diversity: 1 });
    assert.equal(unlike.items[0].id, like.items[0].id);
    assert.notDeepEqual(unlike.items, like.items);
  } finally {
    await nearside.close();
  }
});

test('a diversity that is none is refused by the module', { skip }, async () => {
  const nearside = await opened();
  try {
    for (const diversity of [-0.1, 1.1, 1e9, NaN, Infinity]) {
      await assert.rejects(nearside.recommend({ diversity }), { name: 'NearsideError', code: 'request' }, `${diversity}`);
    }
    assert.equal((await nearside.recommend({ k: 5, diversity: 1 })).items.length, 5);
  } finally {
    await nearside.close();
  }
});

test('what a guest is asked is the same with a diversity of 0', { skip }, async () => {
  const guest = await instantiate(readFileSync(wasm));
  guest.open(file('ease.nsr'), file('ease.nsb'), now);
  const request = { k: 10, now, events: [{ item: 'i1', kind: 'view', time: 0, weight: 1 }], reasons: 2, exclude: [] };
  assert.deepEqual(guest.recommend({ ...request, diversity: 0 }), guest.recommend(request));
  assert.notDeepEqual(guest.recommend({ ...request, diversity: 1 }).items, guest.recommend(request).items);
});
