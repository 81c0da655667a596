// What needs no browser: how a profile is to be kept, and what may go in and
// out. Node has no IndexedDB, so these profiles are in memory.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Keeper, planned } from '../keeper.js';
import { Profile } from '../profile.js';

const now = Math.floor(Date.now() / 1000);
const like = { item: 'a', kind: 'like', time: now, weight: 1 };

/** @type {Record<string, {title: string, tags: string[]}>} */
const catalogue = {
  a: { title: 'A', tags: ['red', 'round'] },
  b: { title: 'B', tags: ['red'] },
  c: { title: 'C', tags: ['blue', 'blue'] },
  d: { title: 'D', tags: ['dull'] },
};

/** @param {import('node:test').TestContext} t @param {import('../keeper.js').Remembering} [remembering] */
function fresh(t, remembering = {}, halfLife = 0) {
  const keeper = new Keeper('test', planned(remembering), assert.fail);
  t.after(() => keeper.close());
  const scoring = { scorer: 'fold-in', weights: [0, 1, 2, 4, 6, -1].map((weight) => 65536 * weight), halfLife };
  return { keeper, profile: new Profile(keeper, async (ids) => ids.map((id) => catalogue[id] ?? null), () => scoring) };
}

test('how a profile is kept', () => {
  const { navigator } = globalThis;
  const asks = async () => /** @type {const} */ ('granted');
  for (const [remembering, optedOut, mode] of /** @type {[import('../keeper.js').Remembering, any, string][]} */ ([
    [{}, undefined, 'stored'],
    [{}, false, 'stored'],
    [{}, true, 'memory'],
    [{ consent: 'granted' }, true, 'stored'], // their own word to this site
    [{ consent: asks }, true, 'waiting'],
    [{ consent: asks() }, false, 'waiting'],
    [{ consent: Promise.reject(new Error('closed the dialog')) }, false, 'waiting'], // without a fuss before anybody listens
    [{ consent: 'denied' }, false, 'memory'],
    [{ remember: false, consent: 'granted' }, false, 'memory'],
    [{ remember: false, consent: asks }, false, 'memory'],
  ])) {
    Object.defineProperty(globalThis, 'navigator', { value: { globalPrivacyControl: optedOut }, configurable: true });
    assert.equal(planned(remembering).mode, mode, JSON.stringify([remembering, optedOut]));
  }
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  for (const [remembering, message] of /** @type {[any, RegExp][]} */ ([
    [{ consent: 'yes' }, /^profile: consent "yes": want granted, denied, or a promise of it$/],
    [{ consent: true }, /consent true/],
    [{ consent: null }, /consent null/],
    [{ maxEvents: 0 }, /^profile: maxEvents 0: want 1 to 10000$/],
    [{ maxEvents: 1.5 }, /maxEvents 1.5/],
    [{ maxEvents: 10001 }, /maxEvents 10001/],
    [{ maxAgeDays: 0 }, /^profile: maxAgeDays 0: want more than 0$/],
    [{ maxAgeDays: NaN }, /maxAgeDays NaN/],
  ])) {
    assert.throws(() => planned(remembering), { name: 'NearsideError', code: 'request', message });
  }
});

test('what is not an event is refused with what was wrong', (t) => {
  for (const [change, message] of /** @type {[object, RegExp][]} */ ([
    [{ item: '' }, /^profile: item "": want an id/],
    [{ item: undefined }, /^profile: item undefined/],
    [{ item: 'ä'.repeat(129) }, /want an id of 1 to 256 bytes/],
    [{ item: '\ud800' }, /want an id of 1 to 256 bytes/],
    [{ kind: 'unknown' }, /^profile: kind "unknown": want one of view, click, like, buy, hide$/],
    [{ kind: 'Like' }, /^profile: kind "Like"/],
    [{ time: -1 }, /^profile: time -1: want Unix seconds/],
    [{ time: 1.5 }, /^profile: time 1.5/],
    [{ weight: 0 }, /^profile: weight 0: want above 0, at most 16/],
    [{ weight: 16.5 }, /^profile: weight 16.5/],
    [{ weight: NaN }, /^profile: weight null/],
  ])) {
    const { keeper } = fresh(t);
    assert.throws(() => keeper.note({ ...like, ...change }), { name: 'NearsideError', code: 'request', message });
    assert.deepEqual(keeper.state.events, []);
    keeper.change({ paused: true }); // a mistake is one then, too
    assert.throws(() => keeper.note({ ...like, ...change }), { code: 'request' });
  }
  assert.doesNotThrow(() => fresh(t).keeper.note({ ...like, item: 'x'.repeat(256), weight: 16, time: 0 }));
});

test('events stay in their order while the clock goes back', (t) => {
  const { keeper } = fresh(t);
  t.mock.timers.enable({ apis: ['Date'], now: 5000 });
  keeper.note({ ...like, item: 'first' });
  t.mock.timers.setTime(1000);
  for (const item of ['second', 'third']) keeper.note({ ...like, item });
  assert.deepEqual(keeper.state.events.map(({ item }) => item), ['first', 'second', 'third']);
});

test('interests are shares of what counts', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1000 * now }); // ages are whole then, and equal shares equal
  const { keeper, profile } = fresh(t, {}, 1000);
  assert.deepEqual(await profile.view(), { events: [], interests: [], paused: false, stored: false });
  keeper.note({ ...like, item: 'a', kind: 'click' }); // 2
  keeper.note({ ...like, item: 'b', kind: 'view', weight: 4 }); // 4
  keeper.note({ ...like, item: 'c', time: now - 1000 }); // 4 half a life ago
  keeper.note({ ...like, item: 'c', kind: 'hide' });
  keeper.note({ ...like, item: 'd', kind: 'hide' });
  keeper.note({ ...like, item: 'nowhere', kind: 'buy', weight: 0.5 }); // 3, about nothing known
  const { events, interests } = await profile.view();
  assert.deepEqual(events.map(({ title, tags }) => [title, tags]), [
    ['A', ['red', 'round']], ['B', ['red']], ['C', ['blue', 'blue']], ['C', ['blue', 'blue']], ['D', ['dull']], ['', []],
  ]);
  const rounded = (/** @type {import('../profile.js').Interest[]} */ list) => list.map(({ tag, share, off }) => [tag, Math.round(100 * share), off]);
  assert.deepEqual(rounded(interests), [['red', 55, false], ['blue', 18, false], ['round', 18, false]]);
  profile.edit({ off: ['round', 'green'] });
  assert.deepEqual(rounded((await profile.view()).interests), [['red', 44, false], ['blue', 22, false], ['green', 0, true], ['round', 0, true]]);
  profile.edit({ on: ['round', 'green', 'never off'], remove: [events[1].id, 'nobody'] });
  assert.deepEqual(rounded((await profile.view()).interests), [['blue', 29, false], ['red', 29, false], ['round', 29, false]]);
});

test('only tags can be switched off, and not too many', async (t) => {
  const { keeper, profile } = fresh(t);
  for (const tag of ['', 'ä'.repeat(129), '\ud800', /** @type {any} */ (7)]) {
    assert.throws(() => profile.edit({ off: ['good', tag] }), { code: 'request', message: /^profile: edit: tag .*: want 1 to 256 bytes of UTF-8$/ });
  }
  const tags = Array.from({ length: 257 }, (_, i) => `tag-${i}`);
  assert.throws(() => profile.edit({ off: tags }), { code: 'limit', message: 'profile: edit: 257 tags are off: want at most 256' });
  assert.deepEqual(keeper.state.muted, []);
  profile.edit({ off: tags.slice(1) });
  assert.throws(() => profile.edit({ off: ['one more'] }), { code: 'limit' });
  profile.edit({ off: ['one more'], on: ['tag-1'] });
  assert.equal(keeper.state.muted.length, 256);
});

test('nothing is remembered while paused', (t) => {
  const { keeper, profile } = fresh(t);
  keeper.note(like);
  profile.pause();
  keeper.note({ ...like, item: 'b' });
  assert.deepEqual(profile.export().events, [like]);
  profile.resume();
  keeper.note({ ...like, item: 'c' });
  assert.deepEqual(profile.export().events.map(({ item }) => item), ['a', 'c']);
});

test('what is exported can be imported', async (t) => {
  const { keeper, profile } = fresh(t);
  keeper.note(like);
  keeper.note({ ...like, item: 'b', kind: 'buy', weight: 2.5 });
  profile.edit({ off: ['red'] });
  profile.pause();
  const exported = JSON.parse(JSON.stringify(profile.export()));
  assert.deepEqual(exported, {
    nearside: 'profile', version: 1, channel: 'test', events: [like, { item: 'b', kind: 'buy', time: now, weight: 2.5 }], off: ['red'], paused: true,
  });
  await profile.erase();
  assert.deepEqual(profile.export(), { ...exported, events: [], off: [], paused: false });
  keeper.note({ ...like, item: 'c' }); // gives way
  for (let i = 0; i < 2; i++) {
    profile.import(exported);
    assert.deepEqual(profile.export(), exported);
  }
  const small = fresh(t, { maxEvents: 1 }).profile;
  small.import(exported);
  assert.deepEqual(small.export().events, exported.events.slice(1));
});

test('what is no exported profile changes nothing', (t) => {
  const { keeper, profile } = fresh(t);
  keeper.note(like);
  const before = profile.export();
  const long = new Array(10_001); // holes: nobody looks at them
  for (const [change, code, message] of /** @type {[any, string, RegExp][]} */ ([
    [{ nearside: 'bundle' }, 'request', /^profile: import: want an exported profile$/],
    [{ version: 2 }, 'version', /version 2: want 1$/],
    [{ version: '1' }, 'version', /version "1": want 1$/],
    [{ channel: 'other' }, 'channel', /channel "other": want "test"$/],
    [{ events: undefined }, 'request', /want events, off and paused$/],
    [{ events: { length: 1 } }, 'request', /want events, off and paused$/],
    [{ off: 'red' }, 'request', /want events, off and paused$/],
    [{ paused: 0 }, 'request', /want events, off and paused$/],
    [{ events: long }, 'limit', /10001 events: want at most 10000$/],
    [{ off: new Array(257).fill('red') }, 'limit', /257 tags are off: want at most 256$/],
    [{ events: [like, { ...like, kind: 'love' }] }, 'request', /event 1: kind "love"/],
    [{ events: [like, null] }, 'request', /event 1: item undefined/],
    [{ off: ['red', ''] }, 'request', /tag 1: want 1 to 256 bytes/],
  ])) {
    assert.throws(() => profile.import({ ...before, ...change }), { name: 'NearsideError', code, message });
    assert.deepEqual(profile.export(), before);
  }
  for (const nothing of [undefined, null, 7, 'text', []]) assert.throws(() => profile.import(nothing), { code: 'request' });
  // Only what an event has is taken along.
  profile.import({ ...before, events: [{ ...like, id: 'mine', canary: true }] });
  assert.deepEqual(Object.keys(keeper.state.events[0]), ['id', 'item', 'kind', 'time', 'weight']);
});
