// The records of a person's profile, for one channel, and what may be in them.
// They are in the IndexedDB database `nearside-profiles`:
//
//   profiles   by the channel's name: {channel, since, paused, muted}
//   events     by [channel, id]: {channel, id, item, kind, time, weight}
//
// An id is nine digits of when the event was noted, in milliseconds to the base
// of 36, and six of chance. So ids are in the order of events, and two tabs do
// not choose the same. What changes is appended or deleted in one transaction,
// so two tabs that write at once lose nothing.
//
// An erased profile is told by its `since`, when it was begun: a tab that has
// not heard yet, and writes, finds another one there or none, and writes nothing
// that would bring back what was erased.
//
// Why is the empty database not deleted after an erasure? Deleting waits for
// every tab that has it open, and one that sleeps would hold up all the others.

import { kinds } from './words.js';
import { beginningWith, completed, openDatabase, result } from './idb.js';

/**
 * @typedef {import('./guest.js').Event} Event
 * @typedef {Event & {id: string}} Noted an event that is remembered
 *
 * @typedef {object} State
 * @property {Noted[]} events oldest first
 * @property {string[]} muted tags whose items do not count
 * @property {boolean} paused
 *
 * @typedef {object} Change in this order
 * @property {boolean} [clear] all events, tags and the pause are gone
 * @property {string[]} [remove] ids of events
 * @property {Noted[]} [add]
 * @property {string[]} [off] tags
 * @property {string[]} [on] tags
 * @property {boolean} [paused]
 */

export const database = 'nearside-profiles';

/** @type {import('./idb.js').Migration[]} */
const migrations = [
  (db) => {
    db.createObjectStore('profiles', { keyPath: 'channel' });
    db.createObjectStore('events', { keyPath: ['channel', 'id'] });
  },
];

/** More events nobody may ask to keep, nor bring along. */
export const maxEventsEver = 10_000;
/** So many tags can be switched off. */
export const maxMuted = 256;
const maxItemBytes = 256;
const maxWeight = 16;

/** @type {State} */
export const nothing = { events: [], muted: [], paused: false };

export class Records {
  #channel;
  /** When what was read was begun, in milliseconds; 0: there is none, or not known. */
  #since = 0;
  /** @type {IDBDatabase | null} */
  #db = null;

  /** @param {string} channel */
  constructor(channel) {
    this.#channel = channel;
  }

  /** Whether this page can have any. */
  static get possible() {
    try {
      return Boolean(globalThis.indexedDB);
    } catch {
      return false; // forbidden
    }
  }

  /**
   * What is stored, as far as it can be read. The rest is removed.
   *
   * @returns {Promise<{state: State, wrong: string}>} what cannot be read, or ''
   */
  async read() {
    this.#since = 0;
    const db = await this.#database(false);
    if (!db) return { state: nothing, wrong: '' };
    const transaction = db.transaction(['profiles', 'events']);
    const [profiles, events] = storesOf(transaction);
    const [profile, keys, rows] = await Promise.all([
      result(profiles.get(this.#channel)),
      result(events.getAllKeys(beginningWith(this.#channel))),
      result(events.getAll(beginningWith(this.#channel))),
    ]);
    const { since, muted, paused, wrong } = readProfile(profile);
    this.#since = since;
    const bad = keys.filter((_, i) => !/^[0-9][0-9a-z]{14}$/.test(rows[i].id) || complaint(rows[i]));
    if (bad.length > 0) {
      const cleaning = db.transaction('events', 'readwrite');
      const done = completed(cleaning);
      for (const key of bad) cleaning.objectStore('events').delete(key);
      await done;
    }
    const unreadable = new Set(bad);
    const readable = rows.filter((_, i) => !unreadable.has(keys[i]));
    return {
      state: { events: readable.map((row) => ({ id: row.id, ...eventOf(row) })), muted, paused },
      wrong: wrong || (bad.length > 0 ? `${bad.length} of ${keys.length} events are none` : ''),
    };
  }

  /**
   * Writes changes in one transaction.
   *
   * @param {Change[]} changes
   * @returns {Promise<'written' | 'paused' | 'erased'>} paused: without some
   *   events, because another tab has paused; erased: not at all, because another
   *   tab has erased what was read
   */
  async write(changes) {
    const db = /** @type {IDBDatabase} */ (await this.#database(true));
    const transaction = db.transaction(['profiles', 'events'], 'readwrite', { durability: 'relaxed' });
    const done = completed(transaction);
    const [profiles, events] = storesOf(transaction);
    const { since, muted, paused } = readProfile(await result(profiles.get(this.#channel)));
    if (this.#since !== 0 && since !== this.#since) return 'erased';
    const begun = since || Date.now();
    let skipped = false;
    try {
      /** @type {State} */
      let state = { events: [], muted, paused };
      for (const change of changes) {
        skipped ||= state.paused && !change.clear && change.add !== undefined;
        this.#put(change, events, state.paused);
        state = { ...changed(state, change), events: [] };
      }
      profiles.put({ channel: this.#channel, since: begun, paused: state.paused, muted: state.muted });
      transaction.commit(); // the page may be about to leave
    } catch (error) {
      transaction.abort(); // all of it, or nothing
      throw error;
    }
    await done;
    this.#since = begun;
    return skipped ? 'paused' : 'written';
  }

  /** @param {Change} change @param {IDBObjectStore} events @param {boolean} paused */
  #put({ clear = false, remove = [], add = [] }, events, paused) {
    if (clear) events.delete(beginningWith(this.#channel));
    for (const id of remove) events.delete([this.#channel, id]);
    if (!paused || clear) for (const event of add) events.put({ channel: this.#channel, ...event });
  }

  /** Removes all of it. */
  async erase() {
    this.#since = 0;
    const db = Records.possible ? await this.#database(false) : null;
    if (!db) return;
    const transaction = db.transaction(['profiles', 'events'], 'readwrite', { durability: 'strict' });
    const done = completed(transaction);
    const [profiles, events] = storesOf(transaction);
    events.delete(beginningWith(this.#channel));
    profiles.delete(this.#channel);
    await done;
  }

  /** What is there belongs to nobody who was here before. */
  renew() {
    this.#since = 0;
  }

  close() {
    this.#db?.close();
  }

  /** @param {boolean} create @returns {Promise<IDBDatabase | null>} */
  async #database(create) {
    if (this.#db) return this.#db;
    const db = await openDatabase(database, migrations, create);
    // It is opened again when it is needed.
    for (const end of ['versionchange', 'close']) db?.addEventListener(end, () => (this.#db = null));
    return (this.#db = db);
  }
}

/**
 * A state after a change. A change that is made twice changes nothing the second time.
 *
 * @param {State} state
 * @param {Change} change
 * @returns {State}
 */
export function changed(state, { clear = false, remove = [], add = [], off = [], on = [], paused }) {
  const before = clear ? nothing : state;
  const gone = new Set(remove);
  const events = new Map([...before.events.filter(({ id }) => !gone.has(id)), ...add].map((event) => [event.id, event]));
  const muted = new Set([...before.muted, ...off]);
  on.forEach((tag) => muted.delete(tag));
  return {
    events: [...events.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    muted: [...muted].slice(0, maxMuted),
    paused: paused ?? before.paused,
  };
}

/** What an event says, and nothing else. @param {Event} event @returns {Event} */
export function eventOf({ item, kind, time, weight }) {
  return { item, kind, time, weight };
}

/** @param {number} order @param {string} rest */
export function idOf(order, rest) {
  return order.toString(36).padStart(9, '0') + rest.padStart(6, '0');
}

/** @param {IDBTransaction} transaction */
function storesOf(transaction) {
  return [transaction.objectStore('profiles'), transaction.objectStore('events')];
}

/** A stored profile, as far as it can be read. @param {any} profile undefined: there is none */
function readProfile(profile = { since: 0, muted: [], paused: false }) {
  const { since, muted, paused } = profile;
  const tags = Array.isArray(muted) ? muted.filter(isTag) : [];
  const wrong = Number.isFinite(since) && typeof paused === 'boolean' && tags.length === muted?.length ? '' : 'settings are none';
  return { since: Number.isFinite(since) ? since : 0, muted: tags, paused: paused === true, wrong };
}

/** Whether something can be a tag. @param {any} tag */
export function isTag(tag) {
  return bytesOf(tag) >= 1 && bytesOf(tag) <= 256;
}

/** What is wrong with an event, or '' when nothing is. @param {any} event */
export function complaint(event) {
  const { item, kind, time, weight } = event ?? {};
  if (bytesOf(item) < 1 || bytesOf(item) > maxItemBytes) return `item ${JSON.stringify(item)}: want an id of 1 to ${maxItemBytes} bytes of UTF-8`;
  if (kinds.indexOf(kind) < 1) return `kind ${JSON.stringify(kind)}: want one of ${kinds.slice(1).join(', ')}`;
  if (!Number.isSafeInteger(time) || time < 0) return `time ${JSON.stringify(time)}: want Unix seconds`;
  if (!(weight > 0 && weight <= maxWeight)) return `weight ${JSON.stringify(weight)}: want above 0, at most ${maxWeight}`;
  return '';
}

/** The length of a text in UTF-8; 0: it is none. @param {any} text */
function bytesOf(text) {
  return typeof text === 'string' && text.isWellFormed() ? new TextEncoder().encode(text).length : 0;
}
