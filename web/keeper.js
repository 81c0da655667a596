// What the device remembers of the person, for one channel: in memory at once,
// in IndexedDB right behind, and the same in every tab. The database is
// `nearside-profiles`:
//
//   profiles   by the channel's name: {channel, since, paused, muted}
//   events     by [channel, id]: {channel, id, item, kind, time, weight}
//
// An id is nine digits of when the event was noted, in milliseconds to the base
// of 36, and six of chance. So ids are in the order of events, and two tabs do
// not choose the same. What changes is appended or deleted in one transaction,
// so two tabs that write at once lose nothing.
//
// After each change a tab tells the others, and they read again: nothing of the
// person is in the message. An erased profile is told by its `since`, when it
// was begun: a tab that has not heard yet, and writes, finds another one there or
// none, and forgets too instead of bringing back what was erased.
//
// Why is the empty database not deleted after an erasure? Deleting waits for
// every tab that has it open, and one that sleeps would hold up all the others.

import { kinds, NearsideError } from './guest.js';
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
 *
 * @typedef {'granted' | 'denied'} Answer of the person
 *
 * @typedef {object} Remembering how a page has the profile kept
 * @property {boolean} [remember] false: nothing is stored, and what was is erased
 * @property {Answer | Promise<Answer> | (() => Answer | Promise<Answer>)} [consent]
 *   what the person said, or will say; left out: the page does not ask
 * @property {number} [maxEvents] how many events are kept, at most 10000; 500
 *   when left out
 * @property {number} [maxAgeDays] how old they get; 400 when left out
 */

const database = 'nearside-profiles';

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
const daySeconds = 24 * 60 * 60;

/** @type {State} */
const nothing = { events: [], muted: [], paused: false };

/**
 * How a profile is to be kept, with nothing left out.
 *
 * Global Privacy Control is a person's word to every site, and counts as long
 * as they have not said another to this one.
 *
 * @param {Remembering} remembering
 * @throws {NearsideError} 'request' when it is none
 */
export function planned({ remember = true, consent, maxEvents = 500, maxAgeDays = 400 }) {
  const wrong = (/** @type {string} */ what) => new NearsideError('request', `profile: ${what}`);
  if (!(Number.isInteger(maxEvents) && maxEvents >= 1 && maxEvents <= maxEventsEver)) throw wrong(`maxEvents ${maxEvents}: want 1 to ${maxEventsEver}`);
  if (!(maxAgeDays > 0)) throw wrong(`maxAgeDays ${maxAgeDays}: want more than 0`);
  if (consent instanceof Promise) consent.catch(() => {}); // it is listened to when the bundle is open
  const asks = typeof consent === 'function' || typeof (/** @type {any} */ (consent)?.then) === 'function';
  if (consent !== undefined && !asks && consent !== 'granted' && consent !== 'denied') {
    throw wrong(`consent ${JSON.stringify(consent)}: want granted, denied, or a function or promise that says so`);
  }
  const optedOut = /** @type {any} */ (globalThis.navigator)?.globalPrivacyControl === true;
  const refused = !remember || consent === 'denied' || (consent === undefined && optedOut);
  /** @type {'memory' | 'waiting' | 'stored'} */
  const mode = refused ? 'memory' : asks ? 'waiting' : 'stored';
  return { mode, consent, maxEvents, maxAgeDays };
}

export class Keeper {
  #channel;
  #warn;
  #warned = false;
  #maxEvents;
  #maxAge; // seconds
  /** Where it is kept. Memory alone is for good. @type {'memory' | 'waiting' | 'stored'} */
  #mode;
  #state = nothing;
  /** When the last event was noted, for the next one's id. */
  #noted = 0;
  /** When the stored profile was begun, in milliseconds; 0: there is none, or not known. */
  #since = 0;
  /** Changes that are not stored yet. @type {Change[]} */
  #pending = [];
  /** Whether what is stored is to be read. */
  #stale = false;
  /** Who waits for what is stored to be erased. @type {{told: string, resolve: () => void, reject: (cause: Error) => void}[]} */
  #erasing = [];
  /** @type {Promise<void> | undefined} */
  #working;
  /** @type {IDBDatabase | null} */
  #db = null;
  /** @type {BroadcastChannel | undefined} */
  #tabs;
  #closed = false;

  /** Called when something has changed that this page did not. */
  onChange = () => {};

  /** Called when all that is known of the person is to be forgotten. */
  onErase = () => {};

  /**
   * @param {string} channel
   * @param {ReturnType<typeof planned>} plan
   * @param {(message: string) => void} warn called once, when what is stored
   *   cannot be read or what is new cannot be stored
   */
  constructor(channel, { mode, consent, maxEvents, maxAgeDays }, warn) {
    this.#channel = channel;
    this.#warn = warn;
    this.#maxEvents = maxEvents;
    this.#maxAge = maxAgeDays * daySeconds;
    this.#mode = mode;
    if (globalThis.BroadcastChannel) {
      this.#tabs = new BroadcastChannel(`${database} ${channel}`);
      this.#tabs.onmessage = ({ data }) => this.#hear(data);
    }
    globalThis.addEventListener?.('pageshow', this.#shown);
    if (mode === 'waiting') this.#ask(/** @type {any} */ (consent));
    else this.#settle(mode);
  }

  /** What is remembered, without what has become too old. @returns {State} */
  get state() {
    if (!this.#closed) this.#prune();
    return this.#state;
  }

  get channel() {
    return this.#channel;
  }

  /** Whether what comes is kept beyond the page. */
  get stored() {
    return this.#mode === 'stored';
  }

  /**
   * Resolves when all that was remembered so far is written, or cannot be.
   *
   * @returns {Promise<boolean>} whether it is written
   */
  get saved() {
    return (this.#working ?? Promise.resolve()).then(() => this.stored);
  }

  /** Remembers an event, unless paused. @param {Event} event @throws {NearsideError} 'request' when it is not one, 'closed' */
  note(event) {
    const wrong = complaint(event);
    if (wrong) throw new NearsideError('request', `profile: ${wrong}`);
    this.#open();
    if (!this.#state.paused) this.change({ add: [this.#named(event)] });
  }

  /** Puts another profile in the place of this one. @param {{events: Event[], muted: string[], paused: boolean}} state */
  replace({ events, muted, paused }) {
    this.change({ clear: true, add: events.map((event) => this.#named(event)), off: muted, paused });
  }

  /** @param {Change} change @throws {NearsideError} 'closed' */
  change(change) {
    this.#open();
    this.#state = changed(this.#state, change);
    if (this.#mode !== 'memory') this.#pending.push(change);
    this.#prune();
    this.#work();
  }

  /**
   * Forgets everything: here at once, then in storage and in the other tabs.
   *
   * @returns {Promise<void>}
   * @throws {NearsideError} 'storage' when the browser does not erase it, 'closed'
   */
  async erase() {
    this.#open();
    this.#forget();
    try {
      await this.#erased('erased');
    } catch (cause) {
      throw new NearsideError('storage', `profile: erase: ${/** @type {Error} */ (cause).message}`, { cause });
    }
  }

  /** Writes what is still to be written, and takes nothing more. */
  async close() {
    if (this.#closed) return this.#working;
    this.#closed = true;
    globalThis.removeEventListener?.('pageshow', this.#shown);
    await this.#working;
    this.#tabs?.close();
    this.#db?.close();
  }

  #open() {
    if (this.#closed) throw new NearsideError('closed', 'nearside: closed');
  }

  /** @param {Promise<Answer> | (() => Answer | Promise<Answer>)} consent */
  async #ask(consent) {
    try {
      const answer = await (typeof consent === 'function' ? consent() : consent);
      if (answer !== 'granted' && answer !== 'denied') throw new Error(`want granted or denied, got ${JSON.stringify(answer)}`);
      if (!this.#closed) this.#settle(answer === 'granted' ? 'stored' : 'memory');
    } catch (error) {
      // No answer: nothing is stored, and nothing that is stored is lost.
      this.#giveUp(`consent: ${/** @type {Error} */ (error).message}`);
    }
  }

  /** @param {'memory' | 'stored'} mode */
  #settle(mode) {
    this.#mode = hasDatabases() ? mode : 'memory';
    this.#stale = this.stored;
    if (mode === 'memory') this.#erased('changed').catch((error) => this.#warnOnce(`cannot erase what is stored: ${error.message}`));
    this.#work();
  }

  /** @param {string} told to the other tabs @returns {Promise<void>} when nothing is stored any more */
  #erased(told) {
    return new Promise((resolve, reject) => {
      this.#erasing.push({ told, resolve, reject });
      this.#work();
    });
  }

  /** A page that comes back has heard nothing while it was away. @param {PageTransitionEvent} event */
  #shown = ({ persisted }) => {
    if (persisted) this.#hear('changed');
  };

  #forget() {
    this.#state = nothing;
    this.#pending = [];
    this.onErase();
  }

  /** What another tab tells: it has erased the profile, or changed it. @param {string} told */
  #hear(told) {
    if (told === 'erased') {
      this.#forget();
      this.#since = 0; // what is noted from now on begins another profile
      if (!this.stored) this.onChange();
    }
    this.#stale = this.stored;
    this.#work();
  }

  /** Brings storage into step, one transaction after the other. */
  #work() {
    this.#working ??= this.#run();
  }

  async #run() {
    await null; // what the page does in one go is written in one go
    for (;;) {
      if (this.#erasing.length > 0) await this.#clear();
      else if (this.stored && this.#pending.length > 0) await this.#save(this.#pending.splice(0));
      else if (this.stored && this.#stale && !this.#closed) await this.#reload();
      else break;
    }
    this.#working = undefined;
  }

  async #clear() {
    const waiting = this.#erasing.splice(0);
    try {
      await this.#empty();
      this.#since = 0;
      const told = waiting.some(({ told }) => told === 'erased') ? 'erased' : 'changed';
      this.#tabs?.postMessage(told);
      waiting.forEach(({ resolve }) => resolve());
    } catch (cause) {
      waiting.forEach(({ reject }) => reject(/** @type {Error} */ (cause)));
    }
  }

  /** @param {Change[]} changes */
  async #save(changes) {
    try {
      await this.#write(changes).catch(async (error) => {
        if (error.name !== 'QuotaExceededError') throw error;
        const remove = this.#state.events.slice(0, this.#state.events.length >> 2).map(({ id }) => id);
        this.#state = changed(this.#state, { remove });
        await this.#write([{ remove }]); // first by itself: it needs no room
        await this.#write([...changes, { remove }]);
      });
      this.#tabs?.postMessage('changed');
    } catch (error) {
      this.#giveUp(`cannot store: ${/** @type {Error} */ (error).message}`);
    }
  }

  async #reload() {
    this.#stale = false;
    try {
      const stored = await this.#read();
      const former = formerEvents(this.#channel);
      this.#state = this.#pending.reduce(changed, changed(stored, { add: former?.events }));
      if (former) {
        await this.#write([{ add: former.events }]);
        former.remove();
        if (former.wrong) this.#warnOnce(`localStorage: ${former.wrong}; the rest is taken over`);
      }
    } catch (error) {
      this.#giveUp(`cannot read: ${/** @type {Error} */ (error).message}`);
      return;
    }
    const last = this.#state.events.at(-1);
    if (last) this.#noted = Math.max(this.#noted, parseInt(last.id.slice(0, 9), 36));
    this.#prune();
    this.onChange();
  }

  /** From now on there is memory only. @param {string} why */
  #giveUp(why) {
    this.#mode = 'memory';
    this.#warnOnce(`${why}; keeping what is new until the page closes`);
  }

  /** @param {string} message */
  #warnOnce(message) {
    if (!this.#warned) this.#warn(`profile: ${message}`);
    this.#warned = true;
  }

  /** Removes what is too old, and the oldest of what is too much. */
  #prune() {
    const now = Date.now() / 1000;
    const young = this.#state.events.filter(({ time }) => time === 0 || now - time <= this.#maxAge).slice(-this.#maxEvents);
    if (young.length === this.#state.events.length) return;
    const kept = new Set(young);
    this.change({ remove: this.#state.events.filter((event) => !kept.has(event)).map(({ id }) => id) });
  }

  /** An event with an id after all others. @param {Event} event @returns {Noted} */
  #named({ item, kind, time, weight }) {
    this.#noted = Math.max(Date.now(), this.#noted + 1);
    const chance = Math.floor(Math.random() * 36 ** 6);
    return { id: idOf(this.#noted, chance.toString(36)), item, kind, time, weight };
  }

  /** @param {boolean} create @returns {Promise<IDBDatabase | null>} */
  async #database(create) {
    if (this.#db) return this.#db;
    const db = await openDatabase(database, migrations, create);
    // It is opened again when it is needed.
    for (const end of ['versionchange', 'close']) db?.addEventListener(end, () => (this.#db = null));
    return (this.#db = db);
  }

  /** What is stored and readable. @returns {Promise<State>} */
  async #read() {
    this.#since = 0;
    const db = await this.#database(false);
    if (!db) return nothing;
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
    if (wrong || bad.length > 0) this.#warnOnce(`stored: ${wrong || `${bad.length} of ${keys.length} events are none`}; the rest is kept`);
    const unreadable = new Set(bad);
    return {
      events: rows.filter((_, i) => !unreadable.has(keys[i])).map(({ id, item, kind, time, weight }) => ({ id, item, kind, time, weight })),
      muted,
      paused,
    };
  }

  /** Writes changes in one transaction. @param {Change[]} changes */
  async #write(changes) {
    const db = /** @type {IDBDatabase} */ (await this.#database(true));
    const transaction = db.transaction(['profiles', 'events'], 'readwrite', { durability: 'relaxed' });
    const done = completed(transaction);
    const [profiles, events] = storesOf(transaction);
    const { since, muted, paused } = readProfile(await result(profiles.get(this.#channel)));
    if (this.#since !== 0 && since !== this.#since) {
      this.#stale = true; // another tab has erased what these changes are about
      this.onErase();
      return;
    }
    const begun = since || Date.now();
    try {
      const { muted: tags, paused: still } = this.#put(changes, events, { events: [], muted, paused });
      profiles.put({ channel: this.#channel, since: begun, paused: still, muted: tags });
    } catch (error) {
      transaction.abort(); // all of it, or nothing
      throw error;
    }
    await done;
    this.#since = begun;
  }

  /**
   * Puts changes into the store of events.
   *
   * @param {Change[]} changes @param {IDBObjectStore} events @param {State} state as stored, without its events
   * @returns {State} after the changes, without its events
   */
  #put(changes, events, state) {
    for (const change of changes) {
      if (change.clear) events.delete(beginningWith(this.#channel));
      for (const id of change.remove ?? []) events.delete([this.#channel, id]);
      // Another tab may have paused; then the event is not wanted here either.
      if (state.paused && !change.clear && change.add) this.#stale = true;
      else for (const event of change.add ?? []) events.put({ channel: this.#channel, ...event });
      state = { ...changed(state, change), events: [] };
    }
    return state;
  }

  /** Removes all that is stored of the channel's profile. */
  async #empty() {
    formerEvents(this.#channel)?.remove();
    const db = hasDatabases() ? await this.#database(false) : null;
    if (!db) return;
    const transaction = db.transaction(['profiles', 'events'], 'readwrite', { durability: 'strict' });
    const done = completed(transaction);
    const [profiles, events] = storesOf(transaction);
    events.delete(beginningWith(this.#channel));
    profiles.delete(this.#channel);
    await done;
  }
}

/**
 * A state after a change. A change that is made twice changes nothing the second time.
 *
 * @param {State} state
 * @param {Change} change
 * @returns {State}
 */
function changed(state, { clear = false, remove = [], add = [], off = [], on = [], paused }) {
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

/** @param {number} order @param {string} rest */
function idOf(order, rest) {
  return order.toString(36).padStart(9, '0') + rest.padStart(6, '0');
}

/** @param {IDBTransaction} transaction */
function storesOf(transaction) {
  return [transaction.objectStore('profiles'), transaction.objectStore('events')];
}

function hasDatabases() {
  try {
    return Boolean(globalThis.indexedDB);
  } catch {
    return false; // forbidden
  }
}

/** A stored profile, as far as it can be read. @param {any} profile undefined: there is none */
function readProfile(profile = { since: 0, muted: [], paused: false }) {
  const { since, muted, paused } = profile;
  const tags = Array.isArray(muted) ? muted.filter(isTag) : [];
  const wrong = Number.isFinite(since) && typeof paused === 'boolean' && tags.length === muted?.length ? '' : 'settings are none';
  return { since: Number.isFinite(since) ? since : 0, muted: tags, paused: paused === true, wrong };
}

/**
 * The events that an earlier version of this SDK kept in localStorage, under
 * `nearside:` and the channel's name. Their ids are the same whenever they are
 * read, so that two tabs take them over once.
 *
 * @param {string} channel
 * @returns {{events: Noted[], wrong: string, remove: () => void} | null} null: there are none
 */
function formerEvents(channel) {
  const key = `nearside:${channel}`;
  try {
    const text = localStorage.getItem(key);
    if (text === null) return null;
    const all = eventsIn(text);
    const events = all.flatMap((event, i) => {
      const { item, kind, time, weight } = event ?? {};
      return complaint(event) ? [] : [{ id: idOf(i, 'former'), item, kind, time, weight }];
    });
    const wrong = events.length === all.length && all.length > 0 ? '' : `${all.length - events.length} of ${all.length} events are none`;
    return { events, wrong, remove: () => localStorage.removeItem(key) };
  } catch {
    return null; // no localStorage, or forbidden
  }
}

/** @param {string} text @returns {any[]} */
function eventsIn(text) {
  try {
    return [...JSON.parse(text).events].slice(-maxEventsEver);
  } catch {
    return [];
  }
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
