// What a profile must do in a browser: Chromium's tests run these over its real
// IndexedDB, localStorage and BroadcastChannel.

import { openDatabase, result } from '../idb.js';
import { Keeper, planned } from '../keeper.js';

const database = 'nearside-profiles';
const now = () => Math.floor(Date.now() / 1000);
const event = (/** @type {string} */ item, change = {}) => ({ item, kind: 'like', time: now(), weight: 1, ...change });
const many = (/** @type {string} */ name, /** @type {number} */ n) => Array.from({ length: n }, (_, i) => `${name}-${i}`);

/** A keeper that has read what is stored. @param {string} channel @param {import('../keeper.js').Remembering} [remembering] */
export async function opened(channel, remembering = {}) {
  /** @type {string[]} */
  const warnings = [];
  const keeper = new Keeper(channel, planned(remembering), (message) => warnings.push(message));
  await keeper.saved;
  return Object.assign(keeper, { warnings });
}

/** @param {Keeper} keeper */
const itemsOf = (keeper) => keeper.state.events.map(({ item }) => item);

/** All records of the database, of whatever shape. @returns {Promise<any[]>} */
export async function records() {
  if (!(await indexedDB.databases()).some(({ name }) => name === database)) return [];
  const db = await result(indexedDB.open(database));
  try {
    return (await Promise.all([...db.objectStoreNames].map((name) => result(db.transaction(name).objectStore(name).getAll())))).flat();
  } finally {
    db.close();
  }
}

/** Everything that this origin has stored, as text. */
export async function everything() {
  const found = [JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }), document.cookie];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      const text = await (await cache.match(request))?.text();
      found.push(`${name}: ${request.url}${text?.includes('canary') ? ' has the canary' : ''}`);
    }
  }
  for (const { name } of await indexedDB.databases()) {
    const db = await result(indexedDB.open(/** @type {string} */ (name)));
    for (const store of db.objectStoreNames) {
      const objects = db.transaction(store).objectStore(store);
      const [keys, values] = await Promise.all([result(objects.getAllKeys()), result(objects.getAll())]);
      if (keys.length > 0) found.push(`${name}/${store}: ${JSON.stringify(keys)} ${JSON.stringify(values)}`);
    }
    db.close();
  }
  return found.join('\n');
}

/** Puts records into the database as they are. @param {string} store @param {any[]} values */
export async function put(store, ...values) {
  const maker = await opened('for the stores');
  maker.note(event('x'));
  await maker.saved;
  await maker.erase();
  await maker.close();
  const db = await result(indexedDB.open(database));
  const transaction = db.transaction(store, 'readwrite');
  values.forEach((value) => transaction.objectStore(store).put(value));
  await new Promise((resolve) => (transaction.oncomplete = resolve));
  db.close();
}

/** @param {() => any} condition */
async function until(condition) {
  for (const end = performance.now() + 5000; !condition() && performance.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** @type {Record<string, (check: (what: string, got: any, want: any) => void, channel: string) => Promise<void>>} */
export const scenarios = {
  async 'nothing noted, nothing stored'(check, channel) {
    const keeper = await opened(channel);
    check('saved', await keeper.saved, true);
    await keeper.close();
    check('databases', (await indexedDB.databases()).map(({ name }) => name), []);
    await (await opened(channel, { remember: false })).close();
    check('databases', (await indexedDB.databases()).map(({ name }) => name), []);
  },

  async '200 rapid events'(check, channel) {
    const keeper = await opened(channel);
    const items = many('rapid', 200);
    items.forEach((item) => keeper.note(event(item)));
    check('at once', itemsOf(keeper), items);
    check('saved', await keeper.saved, true);
    check('read again', itemsOf(await opened(channel)), items);
    // And one by one, each in a transaction of its own.
    for (const item of many('slow', 20)) {
      keeper.note(event(item));
      await keeper.saved;
    }
    await keeper.close();
    const again = await opened(channel);
    check('read again', itemsOf(again), [...items, ...many('slow', 20)]);
    check('warnings', again.warnings, []);
  },

  async 'a page that leaves at once'(check, channel) {
    const keeper = await opened(channel);
    keeper.note(event('last'));
    await keeper.close();
    check('stored', (await records()).map(({ item }) => item).filter(Boolean), ['last']);
  },

  async 'noted while it reads'(check, channel) {
    const before = await opened(channel);
    before.note(event('a'));
    await before.saved;
    const keeper = new Keeper(channel, planned({}), alert);
    for (let i = 0; i < 3; i++) await null; // it has begun
    keeper.note(event('b'));
    check('stored', await keeper.saved, true);
    check('both', [itemsOf(keeper), itemsOf(await opened(channel))], [['a', 'b'], ['a', 'b']]);
  },

  async 'a clock that goes back between visits'(check, channel) {
    const { now } = Date;
    const before = await opened(channel);
    Date.now = () => now() + 1e7;
    many('early', 3).forEach((item) => before.note(event(item)));
    Date.now = now;
    await before.saved;
    const after = await opened(channel);
    many('late', 3).forEach((item) => after.note(event(item)));
    await after.saved;
    check('in order', itemsOf(await opened(channel)), [...many('early', 3), ...many('late', 3)]);
  },

  async caps(check, channel) {
    const keeper = await opened(channel, { maxEvents: 10, maxAgeDays: 30 });
    many('old', 25).forEach((item) => keeper.note(event(item)));
    check('the latest', itemsOf(keeper), many('old', 25).slice(15));
    await keeper.saved;
    check('stored', (await records()).filter(({ id, channel: of }) => id && of === channel).length, 10);
    keeper.note(event('aged', { time: now() - 31 * 86400 }));
    keeper.note(event('timeless', { time: 0 }));
    keeper.note(event('ageing', { time: now() - 29 * 86400 }));
    check('not the aged', itemsOf(keeper).slice(-3), ['old-24', 'timeless', 'ageing']);
    await keeper.saved;
    check('stored', (await records()).some(({ item }) => item === 'aged'), false);
    check('read by stricter caps', itemsOf(await opened(channel, { maxEvents: 2 })), ['timeless', 'ageing']);
  },

  async 'two at once lose nothing'(check, channel) {
    const [one, two] = [await opened(channel), await opened(channel)];
    for (let i = 0; i < 100; i++) {
      one.note(event(`one-${i}`));
      two.note(event(`two-${i}`));
      if (i % 7 === 0) await one.saved;
      if (i % 11 === 0) await two.saved;
    }
    await Promise.all([one.saved, two.saved]);
    const all = itemsOf(await opened(channel));
    for (const name of ['one', 'two']) check(name, all.filter((item) => item.startsWith(name)), many(name, 100));
    await until(() => itemsOf(one).length === 200 && itemsOf(two).length === 200);
    check('the one knows', itemsOf(one), all);
    check('the other knows', itemsOf(two), all);

    // One removes while the other adds and switches.
    one.change({ remove: one.state.events.filter((_, i) => i % 2 === 0).map(({ id }) => id), off: ['a'] });
    two.note(event('two-more'));
    two.change({ off: ['b'] });
    await Promise.all([one.saved, two.saved]);
    const third = await opened(channel);
    check('after both', itemsOf(third), [...all.filter((_, i) => i % 2 === 1), 'two-more']);
    check('both tags', third.state.muted.toSorted(), ['a', 'b']);
  },

  async 'another profile in its place'(check, channel) {
    const [one, two] = [await opened(channel), await opened(channel)];
    many('old', 5).forEach((item) => one.note(event(item)));
    one.change({ off: ['old'], paused: true });
    await one.saved;
    one.replace({ events: many('new', 3).map((item) => event(item)), muted: ['new'], paused: true });
    await one.saved;
    await until(() => itemsOf(two).includes('new-0'));
    for (const keeper of [one, two, await opened(channel)]) check('the other', [itemsOf(keeper), keeper.state.muted, keeper.state.paused], [many('new', 3), ['new'], true]);
  },

  async 'erased in one is erased in all'(check, channel) {
    const [one, two, other] = [await opened(channel), await opened(channel), await opened(`${channel} other`)];
    const memory = await opened(channel, { consent: new Promise(() => {}) });
    memory.note(event('canary'));
    other.note(event('stays'));
    one.note(event('canary'));
    one.change({ off: ['canary'], paused: true });
    await one.saved;
    await until(() => two.state.paused);
    check('the other is paused', two.state.paused, true);
    two.note(event('while paused'));
    check('not noted', itemsOf(two), ['canary']);
    let told = 0;
    two.onChange = () => told++;
    await one.erase();
    check('gone from storage', (await everything()).includes('canary'), false);
    await until(() => told > 0 && itemsOf(memory).length === 0);
    check('gone from memory', [one.state, two.state, memory.state], Array(3).fill({ events: [], muted: [], paused: false }));
    check('records', (await records()).filter((record) => record.channel === channel), []);
    check('another channel', itemsOf(await opened(`${channel} other`)), ['stays']);
    one.note(event('anew'));
    await one.saved;
    await until(() => itemsOf(two).length === 1);
    check('anew', itemsOf(two), ['anew']);
  },

  async 'what is erased does not come back'(check, channel) {
    const { BroadcastChannel } = globalThis;
    Reflect.deleteProperty(globalThis, 'BroadcastChannel'); // so nobody hears of it
    const [one, deaf] = [await opened(channel), await opened(channel)];
    Object.assign(globalThis, { BroadcastChannel });
    one.note(event('a'));
    await one.saved;
    deaf.note(event('b'));
    await deaf.saved;
    await one.erase();
    let forgot = 0;
    deaf.onErase = () => forgot++;
    check('does not know', itemsOf(deaf), ['b']);
    deaf.note(event('c'));
    await deaf.saved;
    check('knows when it writes', [itemsOf(deaf), forgot], [[], 1]);
    check('stored', (await records()).filter((record) => record.channel === channel), []);
    deaf.note(event('d'));
    await deaf.saved;
    check('goes on', itemsOf(await opened(channel)), ['d']);

    // Noted as soon as one has heard: that is after.
    const [two, three] = [await opened(channel), await opened(channel)];
    const heard = new BroadcastChannel(`nearside-profiles ${channel}`);
    const noted = new Promise((resolve) => (heard.onmessage = ({ data }) => data === 'erased' && resolve(two.note(event('e')))));
    await three.erase();
    await noted;
    heard.close();
    check('stored', await two.saved, true);
    check('after', [itemsOf(two), itemsOf(await opened(channel))], [['e'], ['e']]);

    // Noted and erased in one go: the order counts.
    one.note(event('before'));
    const erased = one.erase();
    one.note(event('after'));
    await erased;
    await one.saved;
    check('in order', itemsOf(await opened(channel)), ['after']);
  },

  async 'a page that was away'(check, channel) {
    const { BroadcastChannel } = globalThis;
    const one = await opened(channel);
    one.note(event('a'));
    await one.saved;
    Reflect.deleteProperty(globalThis, 'BroadcastChannel');
    const away = await opened(channel);
    Object.assign(globalThis, { BroadcastChannel });
    check('before', itemsOf(away), ['a']);
    await one.erase();
    dispatchEvent(new PageTransitionEvent('pageshow'));
    await away.saved;
    check('it was not away', itemsOf(away), ['a']);
    dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
    await away.saved;
    check('after', itemsOf(away), []);
  },

  async 'paused elsewhere'(check, channel) {
    const { BroadcastChannel } = globalThis;
    const one = await opened(channel);
    one.note(event('a'));
    await one.saved;
    Reflect.deleteProperty(globalThis, 'BroadcastChannel');
    const deaf = await opened(channel);
    Object.assign(globalThis, { BroadcastChannel });
    one.change({ paused: true });
    await one.saved;
    deaf.note(event('b'));
    await deaf.saved;
    check('not noted', [itemsOf(deaf), itemsOf(await opened(channel))], [['a'], ['a']]);
    const next = await opened(channel);
    check('the pause stays', next.state.paused, true);
    next.change({ paused: false });
    next.note(event('c'));
    await next.saved;
    check('and ends', itemsOf(await opened(channel)), ['a', 'c']);
  },

  async 'records of another shape'(check, channel) {
    const good = { channel, id: '0m0000000abcdef', ...event('good') };
    await put('events', good,
      { channel, id: 7, ...event('number') }, { channel, id: '0m0000000abcde', ...event('short') }, { channel, id: '0m0000001abcdef' },
      { ...good, id: '0m0000002abcdef', item: '\ud800' }, { ...good, id: '0m0000003abcdef', weight: 17 }, { channel, id: ['0m0000004abcdef'], ...event('array') });
    await put('profiles', { channel, since: 'yesterday', paused: 1, muted: ['tag', 7, ''] });
    const keeper = await opened(channel);
    check('kept', keeper.state, { events: [{ id: good.id, item: 'good', kind: 'like', time: good.time, weight: 1 }], muted: ['tag'], paused: false });
    check('warnings', keeper.warnings, ['profile: stored: settings are none; the rest is kept']);
    keeper.note(event('next'));
    check('goes on', await keeper.saved, true);
    const again = await opened(channel);
    check('in order again', [itemsOf(again), again.warnings], [['good', 'next'], []]);
    await put('events', { channel, id: '0m0000001abcdef' });
    check('warnings', (await opened(channel)).warnings, ['profile: stored: 1 of 3 events are none; the rest is kept']);
    check('dropped', (await opened(channel)).warnings, []);
  },

  async 'a database that does not open'(check, channel) {
    const remove = () => result(indexedDB.deleteDatabase(database));
    await remove();
    for (const [version, warning] of /** @type {[number, RegExp][]} */ ([[99, /^profile: cannot read: .*version/], [1, /^profile: cannot read: .*not found/]])) {
      const other = indexedDB.open(database, version);
      other.onupgradeneeded = () => void (version > 1 && other.result.createObjectStore('later').put('as it was', 'key'));
      (await result(other)).close();
      const keeper = await opened(channel);
      keeper.note(event('a'));
      check('saved', await keeper.saved, false);
      check('in memory', itemsOf(keeper), ['a']);
      check(`${version}: one warning that fits: ${keeper.warnings}`, [keeper.warnings.length, warning.test(keeper.warnings[0])], [1, true]);
      check('erase', await keeper.erase().catch(({ code }) => code), 'storage');
      check('gone', itemsOf(keeper), []);
      if (version > 1) check('as it was', await records(), ['as it was']);
      await keeper.close();
      await remove();
    }
  },

  async 'a later version in another tab'(check, channel) {
    const keeper = await opened(channel);
    keeper.note(event('a'));
    await keeper.saved;
    const db = await openDatabase(database, [() => {}, () => {}]); // it need not wait
    db?.close();
    keeper.note(event('b'));
    check('saved', await keeper.saved, false);
    check('in memory', itemsOf(keeper), ['a', 'b']);
    await result(indexedDB.deleteDatabase(database));
  },

  async 'a site that the browser clears'(check, channel) {
    const keeper = await opened(channel);
    keeper.note(event('a'));
    await keeper.saved;
    await result(indexedDB.deleteDatabase(database));
    keeper.note(event('b'));
    await keeper.saved;
    check('as if erased', itemsOf(keeper), []);
    keeper.note(event('c'));
    check('goes on', [await keeper.saved, itemsOf(await opened(channel)), keeper.warnings], [true, ['c'], []]);
  },

  async 'in memory only'(check, channel) {
    const before = await opened(channel);
    before.note(event('before'));
    await before.close();
    const keeper = await opened(channel, { storage: 'memory' });
    check('what is stored is not read', itemsOf(keeper), []);
    keeper.note(event('in memory'));
    check('nor is anything stored', [await keeper.saved, itemsOf(keeper), keeper.warnings], [false, ['in memory'], []]);
    await keeper.close();
    check('it stays as it is', itemsOf(await opened(channel)), ['before']);
  },

  async 'not to be remembered'(check, channel) {
    for (const remembering of /** @type {import('../keeper.js').Remembering[]} */ ([{ remember: false }, { remember: false, consent: 'granted' }, { consent: 'denied' }, { consent: async () => 'denied' }])) {
      const before = await opened(channel);
      before.note(event('before'));
      await before.saved;
      const keeper = await opened(channel, remembering);
      await until(() => itemsOf(before).length === 0);
      await keeper.saved;
      keeper.note(event('a'));
      check(JSON.stringify(remembering), [await keeper.saved, itemsOf(keeper), await records()], [false, ['a'], []]);
      check('the other tab', itemsOf(before), []);
      const another = new BroadcastChannel(`nearside-profiles ${channel}`);
      const told = new Promise((resolve) => (another.onmessage = resolve));
      await opened(channel, remembering);
      await told; // as the keeper was, which listened earlier
      another.close();
      check('a tab that comes takes nothing from another', itemsOf(keeper), ['a']);
    }
  },

  async 'consent that comes later'(check, channel) {
    const before = await opened(channel);
    before.note(event('before'));
    await before.saved;
    /** @type {(answer: any) => void} */
    let answer = () => {};
    const asked = () => new Promise((resolve) => (answer = resolve));
    const keeper = await opened(channel, { consent: asked });
    keeper.note(event('between'));
    check('memory only', [await keeper.saved, itemsOf(keeper)], [false, ['between']]);
    check('not stored', (await records()).some(({ item }) => item === 'between'), false);
    await new Promise((resolve) => ((keeper.onChange = () => resolve(undefined)), answer('granted')));
    check('granted', [await keeper.saved, itemsOf(keeper)], [true, ['before', 'between']]);
    check('stored', itemsOf(await opened(channel)), ['before', 'between']);

    for (const no of [() => 'perhaps', () => Promise.reject(new Error('closed the dialog'))]) {
      const keeper = await opened(channel, { consent: asked });
      keeper.note(event('unasked'));
      answer(no());
      await until(() => keeper.warnings.length > 0);
      check('no answer', [keeper.warnings.length, await keeper.saved, itemsOf(keeper)], [1, false, ['unasked']]);
      check('nothing is lost', itemsOf(await opened(channel)), ['before', 'between']);
    }
  },

  async 'a full disk'(check, channel) {
    const keeper = await opened(channel);
    many('full', 8).forEach((item) => keeper.note(event(item)));
    await keeper.saved;
    const [original, commit] = [IDBObjectStore.prototype.put, IDBTransaction.prototype.commit];
    const full = (/** @type {number} */ times) => {
      const failing = new WeakSet();
      IDBTransaction.prototype.commit = function () {
        if (failing.has(this)) this.abort();
        else commit.apply(this);
      };
      IDBObjectStore.prototype.put = function (/** @type {any[]} */ ...args) {
        const request = original.apply(this, /** @type {any} */ (args));
        if (this.name === 'events' && times-- > 0) {
          // As browsers do: the put is taken, and later all of the transaction fails.
          Object.defineProperty(this.transaction, 'error', { value: new DOMException('no room', 'QuotaExceededError') });
          failing.add(this.transaction);
        }
        return request;
      };
    };
    try {
      full(1);
      keeper.note(event('more'));
      check('saved', await keeper.saved, true);
      check('without the oldest quarter', itemsOf(keeper), ['full-2', 'full-3', 'full-4', 'full-5', 'full-6', 'full-7', 'more']);
      check('stored', itemsOf(await opened(channel)), itemsOf(keeper));
      full(1000);
      keeper.note(event('too much'));
      check('saved', await keeper.saved, false);
      keeper.note(event('and more'));
      check('in memory', itemsOf(keeper).slice(-2), ['too much', 'and more']);
      check('warnings', keeper.warnings, ['profile: cannot store: no room; keeping what is new until the page closes']);
    } finally {
      IDBObjectStore.prototype.put = original;
      IDBTransaction.prototype.commit = commit;
    }
    await keeper.erase();
    check('can be erased', (await records()).filter((record) => record.channel === channel), []);
  },
};

/** @param {string} name @returns {Promise<string[]>} a line for each thing that is not as it should be */
export async function runScenario(name) {
  /** @type {string[]} */
  const wrong = [];
  await scenarios[name]((what, got, want) => {
    const text = (/** @type {any} */ value) => JSON.stringify(value, (_, v) => (v && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort()) : v));
    if (text(got) !== text(want)) wrong.push(`${what}: got ${text(got)}, want ${text(want)}`);
  }, `scenario ${name}`);
  return wrong;
}
