// What the device remembers of the person: a list of events, oldest first, kept
// as JSON under one key of the browser's localStorage and nowhere else.
//
//   {"version": 1, "events": [{"item": "ml-1", "kind": "like", "time": 1700000000, "weight": 1}, …]}
//
// Why is it read again before each use? Two tabs of a site share the storage.
// A list kept in memory would let the one tab undo what the other forgot.

import { kinds, NearsideError } from './guest.js';

/** @typedef {import('./guest.js').Event} Event */

/** How many events are kept; the oldest make room. */
export const capacity = 500;

const version = 1;
const maxItemBytes = 256;
const maxWeight = 16;

/**
 * The part of the Storage interface that a history needs.
 *
 * @typedef {Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>} StorageLike
 */

export class History {
  #storage;
  #key;
  #warn;
  #warned = false;

  /**
   * @param {StorageLike} storage
   * @param {string} key
   * @param {(message: string) => void} warn is called once, when what is stored
   *   cannot be read or what is new cannot be stored
   */
  constructor(storage, key, warn) {
    this.#storage = storage;
    this.#key = key;
    this.#warn = warn;
  }

  /** The events, oldest first; the caller's to keep. @returns {Event[]} */
  read() {
    try {
      const text = this.#storage.getItem(this.#key);
      return text === null ? [] : parse(text);
    } catch (error) {
      this.#warnOnce(`history: stored under "${this.#key}": ${/** @type {Error} */ (error).message}; starting empty`);
      return [];
    }
  }

  /** @param {Event} event @throws {NearsideError} 'request' when it is not one */
  add(event) {
    const wrong = complaint(event);
    if (wrong) throw new NearsideError('request', `history: ${wrong}`);
    const { item, kind, time, weight } = event;
    this.#write([...this.read(), { item, kind, time, weight }].slice(-capacity));
  }

  /** Forgets the events of one item, or all of them. @param {string} [item] */
  remove(item) {
    const rest = item === undefined ? [] : this.read().filter((event) => event.item !== item);
    if (rest.length > 0) this.#write(rest);
    else this.#storage.removeItem(this.#key);
  }

  /** @param {Event[]} events */
  #write(events) {
    const text = JSON.stringify({ version, events });
    try {
      this.#storage.setItem(this.#key, text);
    } catch (error) {
      // Full or forbidden: what cannot be stored lives as long as the page.
      this.#warnOnce(`history: cannot store: ${/** @type {Error} */ (error).message}; keeping it until the page closes`);
      this.#storage = memoryStorage();
      this.#storage.setItem(this.#key, text);
    }
  }

  /** @param {string} message */
  #warnOnce(message) {
    if (!this.#warned) this.#warn(message);
    this.#warned = true;
  }
}

/** @param {string} text @returns {Event[]} */
function parse(text) {
  const stored = JSON.parse(text);
  if (stored?.version !== version || !Array.isArray(stored.events)) throw new Error(`want a history of version ${version}`);
  for (const event of stored.events) {
    const wrong = complaint(event);
    if (wrong) throw new Error(wrong);
  }
  return stored.events.slice(-capacity);
}

/** What is wrong with an event, or '' when nothing is. @param {any} event */
function complaint(event) {
  const { item, kind, time, weight } = event ?? {};
  const bytes = typeof item === 'string' && item.isWellFormed() ? new TextEncoder().encode(item).length : 0;
  if (bytes < 1 || bytes > maxItemBytes) return `item ${JSON.stringify(item)}: want an id of 1 to ${maxItemBytes} bytes of UTF-8`;
  if (kinds.indexOf(kind) < 1) return `kind ${JSON.stringify(kind)}: want one of ${kinds.slice(1).join(', ')}`;
  if (!Number.isSafeInteger(time) || time < 0) return `time ${JSON.stringify(time)}: want Unix seconds`;
  if (!(weight > 0 && weight <= maxWeight)) return `weight ${JSON.stringify(weight)}: want above 0, at most ${maxWeight}`;
  return '';
}

/**
 * The browser's localStorage; where there is none, or it is forbidden, a
 * storage that lives as long as the page.
 *
 * @returns {StorageLike}
 */
export function defaultStorage() {
  try {
    return globalThis.localStorage ?? memoryStorage();
  } catch {
    return memoryStorage();
  }
}

/** @returns {StorageLike} */
function memoryStorage() {
  const entries = new Map();
  return {
    getItem: (key) => entries.get(key) ?? null,
    setItem: (key, value) => void entries.set(key, value),
    removeItem: (key) => void entries.delete(key),
  };
}
