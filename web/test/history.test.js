import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capacity, defaultStorage, History } from '../history.js';

/** @param {string | null} [content] */
function stored(content = null) {
  const storage = defaultStorage();
  if (content !== null) storage.setItem('key', content);
  /** @type {string[]} */
  const warnings = [];
  return { storage, warnings, history: new History(storage, 'key', (message) => warnings.push(message)) };
}

const like = { item: 'a', kind: 'like', time: 1700000000, weight: 1 };

test('events come back in the order in which they were added', () => {
  const { history, storage } = stored();
  history.add(like);
  history.add({ ...like, item: 'b' });
  assert.deepEqual(history.read(), [like, { ...like, item: 'b' }]);
  assert.equal(storage.getItem('key'), `{"version":1,"events":${JSON.stringify(history.read())}}`);
});

test('the oldest events make room', () => {
  const { history } = stored();
  for (let i = 0; i <= capacity; i++) history.add({ ...like, item: `item-${i}` });
  assert.equal(history.read().length, capacity);
  assert.equal(history.read()[0].item, 'item-1');
});

test('forgetting one item keeps the others, forgetting all removes the key', () => {
  const { history, storage } = stored();
  for (const item of ['a', 'b', 'a']) history.add({ ...like, item });
  history.remove('a');
  assert.deepEqual(history.read(), [{ ...like, item: 'b' }]);
  history.remove('b');
  assert.equal(storage.getItem('key'), null);
  history.add(like);
  history.remove();
  assert.equal(storage.getItem('key'), null);
});

test('two tabs see one history', () => {
  const { history, storage } = stored();
  const other = new History(storage, 'key', assert.fail);
  history.add(like);
  other.add({ ...like, item: 'b' });
  assert.equal(history.read().length, 2);
  history.remove();
  assert.deepEqual(other.read(), []);
});

test('content that is not a history starts empty and warns once', () => {
  const rows = [
    '', 'null', '[]', '{', '"x"', '{"version":2,"events":[]}', '{"version":1}', '{"version":1,"events":[null]}',
    '{"version":1,"events":[{"item":"a","kind":"like","time":-1,"weight":1}]}',
    '{"version":1,"events":[{"item":"\\ud800","kind":"like","time":1,"weight":1}]}',
  ];
  for (const content of rows) {
    const { history, warnings } = stored(content);
    assert.deepEqual(history.read(), [], content);
    assert.deepEqual(history.read(), [], content);
    assert.equal(warnings.length, 1, content);
    assert.match(warnings[0], /^history: stored under "key": .*; starting empty$/);
    history.add(like);
    assert.deepEqual(history.read(), [like], content);
  }
});

test('a storage that is full keeps the history until the page closes', () => {
  const { storage } = stored();
  /** @type {string[]} */
  const warnings = [];
  const full = { ...storage, setItem: () => { throw new Error('quota exceeded'); } };
  const history = new History(full, 'key', (message) => warnings.push(message));
  history.add(like);
  history.add({ ...like, item: 'b' });
  assert.equal(history.read().length, 2);
  assert.deepEqual(warnings, ['history: cannot store: quota exceeded; keeping it until the page closes']);
});

test('what is not an event is refused with what was wrong', () => {
  /** @type {[object, RegExp][]} */
  const rows = [
    [{ item: '' }, /^history: item "": want an id/],
    [{ item: undefined }, /^history: item undefined/],
    [{ item: 'ä'.repeat(129) }, /want an id of 1 to 256 bytes/],
    [{ item: '\ud800' }, /want an id of 1 to 256 bytes/],
    [{ kind: 'unknown' }, /^history: kind "unknown": want one of view, click, like, buy, hide$/],
    [{ kind: 'Like' }, /^history: kind "Like"/],
    [{ time: -1 }, /^history: time -1: want Unix seconds/],
    [{ time: 1.5 }, /^history: time 1.5/],
    [{ weight: 0 }, /^history: weight 0: want above 0, at most 16/],
    [{ weight: 16.5 }, /^history: weight 16.5/],
    [{ weight: NaN }, /^history: weight null/],
  ];
  for (const [change, message] of rows) {
    const { history } = stored();
    assert.throws(() => history.add({ ...like, ...change }), { name: 'NearsideError', code: 'request', message });
    assert.deepEqual(history.read(), []);
  }
  assert.doesNotThrow(() => stored().history.add({ ...like, item: 'x'.repeat(256), weight: 16, time: 0 }));
});
