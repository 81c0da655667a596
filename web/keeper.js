// What the device remembers of the person, for one channel: in memory at once,
// in IndexedDB right behind, and the same in every tab. After each change a tab
// tells the others, and they read again: nothing of the person is in the message.

import { NearsideError } from './words.js';
import { changed, complaint, database, eventOf, idOf, maxEventsEver, nothing, Records } from './records.js';

/**
 * @typedef {import('./guest.js').Event} Event
 * @typedef {import('./records.js').Noted} Noted
 * @typedef {import('./records.js').State} State
 * @typedef {import('./records.js').Change} Change
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
 * @property {'device' | 'memory'} [storage] where whatever outlives the page is kept;
 *   the device when left out. In memory: nothing is kept, of the files neither, and
 *   what is on the device stays as it is, until it is erased
 */

const daySeconds = 24 * 60 * 60;

/**
 * How a profile is to be kept, with nothing left out.
 *
 * Global Privacy Control is a person's word to every site, and counts as long
 * as they have not said another to this one.
 *
 * @param {Remembering} remembering
 * @throws {NearsideError} 'request' when it is none
 */
export function planned({ remember = true, consent, maxEvents = 500, maxAgeDays = 400, storage = 'device' }) {
  const wrong = (/** @type {string} */ what) => new NearsideError('request', `profile: ${what}`);
  if (!(Number.isInteger(maxEvents) && maxEvents >= 1 && maxEvents <= maxEventsEver)) throw wrong(`maxEvents ${maxEvents}: want 1 to ${maxEventsEver}`);
  if (!(maxAgeDays > 0)) throw wrong(`maxAgeDays ${maxAgeDays}: want more than 0`);
  if (storage !== 'device' && storage !== 'memory') throw wrong(`storage ${JSON.stringify(storage)}: want device or memory`);
  if (consent instanceof Promise) consent.catch(() => {}); // it is listened to when the bundle is open
  const asks = typeof consent === 'function' || typeof (/** @type {any} */ (consent)?.then) === 'function';
  if (consent !== undefined && !asks && consent !== 'granted' && consent !== 'denied') {
    throw wrong(`consent ${JSON.stringify(consent)}: want granted, denied, or a promise of it`);
  }
  const optedOut = /** @type {any} */ (globalThis.navigator)?.globalPrivacyControl === true;
  const refused = !remember || consent === 'denied' || (consent === undefined && optedOut);
  /** @type {'memory' | 'waiting' | 'stored'} */
  const mode = refused ? 'memory' : asks ? 'waiting' : 'stored';
  return { mode, consent, maxEvents, maxAgeDays, storage };
}

export class Keeper {
  #channel;
  #records;
  #warn;
  #warned = false;
  #maxEvents;
  #maxAge; // seconds
  /** Where it is kept. Memory alone is for good. @type {'memory' | 'waiting' | 'stored'} */
  #mode;
  /** Whether there is something beyond memory. */
  #device;
  #state = nothing;
  /** When the last event was noted, for the next one's id. */
  #noted = 0;
  /** Changes that are not stored yet. @type {Change[]} */
  #pending = [];
  /** Whether what is stored is to be read. */
  #stale = false;
  /** Who waits for what is stored to be erased. @type {{told: string, resolve: () => void, reject: (cause: Error) => void}[]} */
  #erasing = [];
  /** @type {Promise<void> | undefined} */
  #working;
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
  constructor(channel, { mode, consent, maxEvents, maxAgeDays, storage }, warn) {
    this.#channel = channel;
    this.#records = new Records(channel);
    this.#warn = warn;
    this.#maxEvents = maxEvents;
    this.#maxAge = maxAgeDays * daySeconds;
    this.#mode = mode;
    this.#device = storage === 'device' && Records.possible;
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
    this.#records.close();
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
    this.#mode = this.#device ? mode : 'memory';
    this.#stale = this.stored;
    if (this.#device && mode === 'memory') this.#erased('changed').catch((error) => this.#warnOnce(`cannot erase what is stored: ${error.message}`));
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
      this.#records.renew(); // what is noted from now on begins another profile
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
      await this.#records.erase();
      const told = waiting.some(({ told }) => told === 'erased') ? 'erased' : 'changed';
      this.#tabs?.postMessage(told);
      waiting.forEach(({ resolve }) => resolve());
    } catch (cause) {
      waiting.forEach(({ reject }) => reject(/** @type {Error} */ (cause)));
    }
  }

  /** @param {Change[]} changes */
  async #write(changes) {
    const outcome = await this.#records.write(changes);
    if (outcome !== 'written') this.#stale = true; // another tab was first
    if (outcome === 'erased') this.onErase();
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
      const { state, wrong } = await this.#records.read();
      this.#state = this.#pending.reduce(changed, state);
      if (wrong) this.#warnOnce(`stored: ${wrong}; the rest is kept`);
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
  #named(event) {
    this.#noted = Math.max(Date.now(), this.#noted + 1);
    const chance = Math.floor(Math.random() * 36 ** 6);
    return { id: idOf(this.#noted, chance.toString(36)), ...eventOf(event) };
  }

}
