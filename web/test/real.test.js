// The SDK with the real module, in a real worker, on a bundle of testdata/.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mock, test } from 'node:test';
import { open } from '../nearside.js';
import { WebWorker } from './webworker.js';

Object.assign(globalThis, { Worker: WebWorker });

const now = 1800001000;
const wasm = new URL('../../wasm/bin/nearside.wasm', import.meta.url);
const skip = !existsSync(wasm) && 'wasm/bin/nearside.wasm is not built: run `make wasm`';

/** @param {string} name */
const file = (name) => new Uint8Array(readFileSync(new URL(`../../testdata/vectors/${name}`, import.meta.url)));

/** @param {Partial<import('../nearside.js').Options>} [change] */
async function opened(change) {
  mock.timers.enable({ apis: ['Date'], now: 1000 * now });
  try {
    return await open({ wasm: readFileSync(wasm), bundle: file('ials.nsb'), root: file('ials.nsr'), onWarning: assert.fail, ...change });
  } finally {
    mock.timers.reset();
  }
}

test('a profile is followed, explained and erased', { skip }, async () => {
  const nearside = await opened();
  try {
    const cold = await nearside.recommend({ k: 5 });
    assert.equal(cold.receipt.cold, true);
    assert.equal(cold.receipt.channel, 'test');
    assert.match(cold.receipt.manifest, /^[0-9a-f]{64}$/);
    assert.deepEqual(cold.items.map(({ reasons }) => reasons), [[], [], [], [], []]);

    const [first, second] = cold.items;
    nearside.observe({ item: first.id, kind: 'like', time: now });
    nearside.observe({ item: 'nowhere', time: now, weight: 2 });
    const { events, paused, stored } = await nearside.profile.view();
    const [{ index, tags }] = (await nearside.items([first.index])).items;
    assert.equal(index, first.index);
    assert.deepEqual(events, [
      { id: events[0].id, item: first.id, kind: 'like', time: now, weight: 1, title: first.title, tags },
      { id: events[1].id, item: 'nowhere', kind: 'click', time: now, weight: 2, title: '', tags: [] },
    ]);
    assert.deepEqual([paused, stored], [false, false]); // Node has no IndexedDB
    const warm = await nearside.recommend({ k: 5, reasons: 2, filter: { exclude: [second.id] } });
    assert.deepEqual([warm.receipt.cold, warm.receipt.used, warm.receipt.unknown], [false, 1, 1]);
    assert.equal(warm.items.length, 5);
    assert.ok(!warm.items.some(({ id }) => id === first.id || id === second.id));
    assert.deepEqual(warm.items[0].reasons, [{ id: first.id, title: first.title, kind: 'like', time: now, share: 1 }]);
    assert.equal(nearside.explain(warm.items[0].id), warm.items[0].reasons);
    assert.equal(nearside.explain(first.id), null);

    nearside.profile.edit({ remove: [events[1].id] });
    assert.deepEqual((await nearside.profile.view()).events, events.slice(0, 1));
    await nearside.profile.erase();
    assert.deepEqual((await nearside.profile.view()).events, []);
    assert.equal(nearside.explain(warm.items[0].id), null); // it would say what the person did

    nearside.observe({ item: first.id, kind: 'like', time: now });
    const asked = nearside.recommend({ k: 5, reasons: 2 });
    await nearside.profile.erase();
    const [{ id }] = (await asked).items;
    assert.equal(nearside.explain(id), null); // nor does a list that was under way
    assert.deepEqual((await nearside.recommend({ k: 5 })).items, cold.items);
  } finally {
    nearside.close();
  }
});

test('a title from an earlier visit is found in the catalogue', { skip }, async () => {
  const { items: [item] } = await (async () => {
    const nearside = await opened();
    const catalogue = await nearside.items([20]);
    nearside.close();
    return catalogue;
  })();
  const nearside = await opened();
  nearside.observe({ item: item.id });
  const { items } = await nearside.recommend({ k: 1 });
  assert.equal(items[0].reasons[0].title, item.title);
  nearside.close();
});

test('only as much history is asked about as the manifest allows', { skip }, async () => {
  const nearside = await opened();
  const { history } = nearside.manifest().limits;
  for (let i = 0; i < history + 5; i++) nearside.observe({ item: `item-${i}`, time: now });
  const { receipt } = await nearside.recommend({ k: 1 });
  assert.equal(receipt.unknown, history);
  nearside.close();
});

test('the manifest and the catalogue have readable names', { skip }, async () => {
  const nearside = await opened();
  const manifest = nearside.manifest();
  assert.equal(manifest.model, 'ials');
  assert.equal(manifest.scoring.scorer, 'fold-in');
  assert.equal(manifest.sections[0].kind, 'ids');
  assert.ok(manifest.sections.every(({ kind }) => kind !== 'unknown'));
  const { count } = await nearside.items([]);
  assert.equal(count, manifest.limits.items);
  const { items } = await nearside.items([count - 1, 0]);
  assert.deepEqual(items.map(({ index }) => index), [count - 1, 0]);
  assert.deepEqual(Object.keys(items[0]), ['index', 'id', 'title', 'tags', 'author', 'published', 'url', 'image', 'popularity']);
  nearside.close();
});

test('the module refuses with a word, and goes on', { skip }, async () => {
  const nearside = await opened();
  await assert.rejects(nearside.recommend({ k: 1001 }), { name: 'NearsideError', code: 'limit', message: /^guest: recommend: / });
  await assert.rejects(nearside.recommend({ k: 0 }), { code: 'request' });
  await assert.rejects(nearside.recommend({ k: 1.5 }), { code: 'request', message: /^guest: recommend: msgpack: cannot encode 1.5/ });
  await assert.rejects(nearside.items([1e6]), { code: 'request' });
  assert.equal((await nearside.recommend({ k: 1 })).items.length, 1);
  nearside.close();
});

test('files that are not in order are refused with a word', { skip }, async () => {
  await assert.rejects(opened({ root: file('ease.nsr').fill(0, 100, 132) }), { code: 'signature' });
  await assert.rejects(opened({ root: new Uint8Array([0xc0]) }), { code: 'root' });
  await assert.rejects(opened({ bundle: new Uint8Array([0xc0]) }), { code: 'syntax' });
  const changed = file('ials.nsb');
  changed[changed.length - 1] ^= 1;
  await assert.rejects(opened({ bundle: changed }), { code: 'hash' });
});

test('after close nothing is there', { skip }, async () => {
  const nearside = await opened();
  const waiting = nearside.recommend();
  nearside.close();
  await assert.rejects(waiting, { code: 'closed', message: 'nearside: closed' });
  await assert.rejects(nearside.items([]), { code: 'closed' });
  await assert.rejects(nearside.profile.view(), { code: 'closed' });
  assert.throws(() => nearside.observe({ item: 'a' }), { code: 'closed' });
  await assert.rejects(nearside.profile.erase(), { code: 'closed' });
  await nearside.close();
  await nearside[Symbol.asyncDispose]();
});

test('the manifest says how items are found', { skip }, async () => {
  for (const [name, retrieval, early] of /** @type {[string, any, boolean][]} */ ([
    ['pq-int8', { codec: 'pq', groups: 4, rescore: 'int8', candidates: 20 }, true],
    ['binary', { codec: 'binary', groups: 0, rescore: 'none', candidates: 20 }, false],
    ['ials', { codec: 'int8', groups: 0, rescore: 'none', candidates: 0 }, false],
    ['format1-ials', { codec: 'int8', groups: 0, rescore: 'none', candidates: 0 }, false],
    ['format2-ials', { codec: 'int8', groups: 0, rescore: 'none', candidates: 0 }, false],
    ['pool-factors', { codec: 'int8', groups: 0, rescore: 'none', candidates: 0 }, false],
    ['pool-pq-int8', { codec: 'pq', groups: 4, rescore: 'int8', candidates: 20 }, true],
    ['sequence', { codec: 'int8', groups: 0, rescore: 'none', candidates: 0 }, false],
    ['pool', null, false],
    ['ease', null, false],
  ])) {
    const nearside = await opened({ bundle: file(`${name}.nsb`), root: file(`${name}.nsr`) });
    nearside.close();
    const manifest = nearside.manifest();
    assert.deepEqual(manifest.retrieval, retrieval, name);
    assert.equal(manifest.earlyAnswers > 0, early, name);
    assert.ok(manifest.sections.every(({ kind }) => kind !== 'unknown'), name);
  }
});

test('the manifest says what a pool has', { skip }, async () => {
  for (const [name, pool] of /** @type {[string, any][]} */ ([
    ['pool', { columns: 3, repeats: true, nearest: 0, candidates: 10, net: [9, 5] }],
    ['pool-factors-sums', { columns: 1, repeats: true, nearest: 5, candidates: 0, net: [] }],
    ['ials', null],
  ])) {
    const nearside = await opened({ bundle: file(`${name}.nsb`), root: file(`${name}.nsr`) });
    nearside.close();
    assert.deepEqual(nearside.manifest().pool, pool, name);
    assert.equal(nearside.manifest().scoring.scorer, pool ? 'pool' : 'fold-in');
  }
});

test('what was seen is shown as the bundle says, or as the page asks', { skip }, async () => {
  const nearside = await opened({ bundle: file('pool.nsb'), root: file('pool.nsr') });
  const [first, second] = (await nearside.recommend({ k: 2 })).items;
  nearside.observe({ item: first.id });
  nearside.observe({ item: second.id, kind: 'hide' });
  const count = nearside.manifest().limits.items;
  for (const [seen, shown] of [[undefined, true], [true, true], [false, false]]) {
    const { items } = await nearside.recommend({ k: count, filter: { seen } });
    const ids = items.map(({ id }) => id);
    assert.equal(ids.includes(first.id), shown, `seen ${seen}`);
    assert.ok(!ids.includes(second.id), `seen ${seen}: what was hidden stays hidden`);
  }
  nearside.close();
  const fold = await opened();
  fold.observe({ item: first.id });
  await assert.rejects(fold.recommend({ filter: { seen: true } }), { code: 'request', message: 'guest: recommend: request: seen: only a pool can show items of the history' });
  assert.ok(!(await fold.recommend({ k: count, filter: { seen: false } })).items.some(({ id }) => id === first.id));
  fold.close();
});

test('events of items with a tag that is off speak for nothing, and are no news', { skip }, async () => {
  for (const name of ['ials', 'pool']) {
    const nearside = await opened({ bundle: file(`${name}.nsb`), root: file(`${name}.nsr`) });
    const count = nearside.manifest().limits.items;
    const { items } = await nearside.items(Array.from({ length: count }, (_, i) => i));
    const off = items[0].tags[0];
    const quiet = items.filter(({ tags }) => tags.includes(off));
    const other = items.find(({ tags }) => !tags.includes(off));
    assert.ok(quiet.length > 1 && other);
    for (const { id } of [...quiet.slice(0, 2), other]) nearside.observe({ item: id, kind: 'like', time: now });
    nearside.observe({ item: quiet[1].id, kind: 'hide', time: now });
    nearside.profile.edit({ off: [off] });
    const list = await nearside.recommend({ k: count });
    assert.equal(list.receipt.used, 1, name);
    for (const { reasons } of list.items) assert.ok(reasons.every(({ id }) => id === other.id), name);
    const ids = list.items.map(({ id }) => id);
    assert.equal(ids.includes(quiet[0].id), name === 'pool'); // which shows again what was seen
    assert.ok(!ids.includes(quiet[1].id), `${name}: what was hidden stays hidden`);
    assert.ok(!(await nearside.recommend({ k: count, filter: { seen: false } })).items.some(({ id }) => id === quiet[0].id));
    assert.equal((await nearside.profile.view()).interests.find(({ tag }) => tag === off)?.off, true);
    nearside.profile.edit({ on: [off] });
    assert.ok((await nearside.recommend({ k: 1 })).receipt.used > 1);
    await nearside.close();
  }
});

test('items that go with one item do not depend on the person', { skip }, async () => {
  for (const name of ['ials', 'ease', 'pool', 'pool-pq-int8', 'sequence']) {
    const nearside = await opened({ bundle: file(`${name}.nsb`), root: file(`${name}.nsr`) });
    const { items } = await nearside.items([0, 1, 2, 3]);
    const [first, second, third] = items.map(({ id }) => id);
    const before = await nearside.similar(first, { k: 5 });
    assert.equal(before.items.length, 5, name);
    assert.deepEqual([before.receipt.used, before.receipt.cold], [1, false], name);
    nearside.observe({ item: second, kind: 'like' });
    nearside.observe({ item: third, kind: 'hide' });
    const list = await nearside.recommend({ k: 3 });
    assert.deepEqual(await nearside.similar(first, { k: 5 }), before, name);
    assert.equal(nearside.explain(list.items[0].id), list.items[0].reasons); // the last list is the last one recommended
    const all = await nearside.similar(first, { k: nearside.manifest().limits.items, filter: { exclude: [second] } });
    assert.ok(!all.items.some(({ id }) => id === first || id === second), name);
    assert.deepEqual((await nearside.similar('nowhere')).items, []);
    assert.equal((await nearside.profile.view()).events.length, 2); // nothing was remembered of it
    await assert.rejects(nearside.similar(''), { code: 'request' });
    await nearside.close();
  }
});

test('the page ranks itself when it is told to, when it must, and not when it must not', { skip }, async () => {
  const list = async (/** @type {Awaited<ReturnType<typeof open>>} */ nearside) => {
    nearside.observe({ item: 'i7', kind: 'like', time: now });
    const { items } = await nearside.recommend({ k: 5 });
    const { events } = await nearside.profile.view();
    await nearside.close();
    await assert.rejects(nearside.recommend(), { code: 'closed' });
    return { items, titles: events.map(({ title }) => title) };
  };
  const want = await list(await opened());
  assert.deepEqual(await list(await opened({ worker: true })), want);
  assert.deepEqual(await list(await opened({ worker: false })), want);

  const broken = class extends WebWorker {
    constructor() {
      super(new URL('missing.js', import.meta.url));
    }
  };
  const forbidden = class {
    constructor() {
      throw new Error('forbidden');
    }
  };
  for (const [Worker, why] of /** @type {[any, RegExp | null][]} */ ([[broken, /missing\.js/], [forbidden, /forbidden/], [undefined, null]])) {
    Object.assign(globalThis, { Worker });
    try {
      /** @type {string[]} */
      const warnings = [];
      assert.deepEqual(await list(await opened({ onWarning: (message) => warnings.push(message) })), want);
      assert.equal(warnings.length, why ? 1 : 0);
      if (why) assert.match(warnings[0], why);
      await assert.rejects(opened({ worker: true }), { code: 'network', message: /^nearside: worker: / });
    } finally {
      Object.assign(globalThis, { Worker: WebWorker });
    }
  }
});

test('a response that has been read is none to open from', { skip }, async () => {
  const bundle = new Response(file('ials.nsb'));
  await (await opened({ bundle })).close();
  await assert.rejects(opened({ bundle }), { code: 'network', message: /its body has been read/ });
});

test('what the person looks at counts as if just viewed, and is not remembered', { skip }, async () => {
  const nearside = await opened();
  const [first] = (await nearside.recommend({ k: 1 })).items;
  const { items, receipt } = await nearside.recommend({ k: 3, context: [first.id] });
  assert.equal(receipt.used, 1);
  assert.deepEqual([...new Set(items.flatMap(({ reasons }) => reasons.map(({ id, kind }) => `${kind} ${id}`)))], [`view ${first.id}`]);
  assert.ok(!items.some(({ id }) => id === first.id));
  assert.equal((await nearside.recommend({ k: 3 })).receipt.cold, true);
  assert.deepEqual((await nearside.profile.view()).events, []);
  await nearside.close();
});

test('a signal gives an answer up', { skip }, async () => {
  const nearside = await opened();
  nearside.observe({ item: 'a' });
  const last = await nearside.recommend({ k: 1 });
  for (const [what, ask] of /** @type {[string, (calling: {signal?: AbortSignal}) => Promise<any>][]} */ ([
    ['recommend', (calling) => nearside.recommend({ k: 5 }, calling)],
    ['similar', (calling) => nearside.similar(last.items[0].id, {}, calling)],
    ['items', (calling) => nearside.items([0], calling)],
  ])) {
    const stop = new AbortController();
    const asking = ask({ signal: stop.signal });
    stop.abort('changed my mind');
    await assert.rejects(asking, (/** @type {any} */ error) => error.name === 'NearsideError' && error.code === 'aborted' && error.cause === 'changed my mind' && error.message === `nearside: ${what} was aborted`);
    await assert.rejects(ask({ signal: stop.signal }), { code: 'aborted' });
    const calm = new AbortController();
    assert.ok((await ask({ signal: calm.signal })).items.length > 0);
    calm.abort(); // too late, and nobody minds
    await assert.rejects(nearside.items([1e6], { signal: new AbortController().signal }), { code: 'request' });
  }
  await nearside.close();
  await assert.rejects(nearside.recommend({}, { signal: new AbortController().signal }), { code: 'closed' });
});

test('options that make no sense are refused before anything is fetched', async () => {
  for (const change of [{ consent: 'maybe' }, { maxEvents: -1 }, { maxAgeDays: 0 }]) {
    await assert.rejects(open(/** @type {any} */ ({ wasm: 'http://127.0.0.1:1/', bundle: 'http://127.0.0.1:1/', root: 'http://127.0.0.1:1/', ...change })), { code: 'request', message: /^profile: / });
  }
});

test('pages go through the catalogue once, each for the profile as it is then', { skip }, async () => {
  const nearside = await opened();
  try {
    const { count } = await nearside.items([]);
    const whole = (await nearside.recommend({ k: count })).items.map(({ id }) => id);
    const ids = [];
    const hidden = new Uint8Array([0b1010]); // rows 1 and 3
    for await (const { items } of nearside.pages({ k: 7, filter: { exclude: [whole[2]], unavailable: hidden } })) {
      assert.ok(items.length > 0 && items.length <= 7);
      ids.push(...items.map(({ id }) => id));
    }
    const { items } = await nearside.items([1, 3]);
    const never = [whole[2], ...items.map(({ id }) => id)];
    assert.deepEqual(ids, whole.filter((id) => !never.includes(id)));

    const pages = nearside.pages({ k: 3 });
    const first = (await pages.next()).value ?? assert.fail();
    nearside.observe({ item: first.items[0].id, kind: 'like', time: now });
    const second = (await pages.next()).value ?? assert.fail();
    assert.deepEqual([first.receipt.cold, second.receipt.cold], [true, false]);
    assert.ok(second.items.every(({ id }) => !first.items.some((item) => item.id === id)));
    await pages.return();
    assert.equal((await pages.next()).done, true);
    const gone = nearside.pages({}, { signal: AbortSignal.abort() });
    await assert.rejects(gone.next(), { code: 'aborted' });
  } finally {
    await nearside.close();
  }
});
