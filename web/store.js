// What a device keeps of a channel between visits: the state, the last good
// bundle, and chunks of one that is still to come. In a browser that is the
// IndexedDB database `nearside`:
//
//   channels   by the channel's name: {state, bundle}
//   chunks     by [name, SHA-256 of the leaf in hex]: bytes
//
// A bundle is kept as a list of parts: a few bytes of frame, and the names of
// chunks. So what two releases have in common is there once, and a release that
// has come half way goes on where it stopped.

import { beginningWith, completed, openDatabase, result } from './idb.js';

/**
 * @typedef {object} Chunk a leaf of a section
 * @property {string} hash in hex: of the leaf, as SPEC.md has it
 * @property {number} bytes
 *
 * @typedef {Uint8Array | Chunk} Part of a bundle's file
 *
 * @typedef {object} Kept
 * @property {Uint8Array} state
 * @property {Bundle | null} bundle the last good one, all of whose chunks are
 *   there; null: none is
 *
 * @typedef {object} Bundle
 * @property {string} manifest its SHA-256, in hex
 * @property {Part[]} parts of the file, in order
 *
 * @typedef {object} Store of one channel
 * @property {() => Promise<Kept | null>} read null: nothing has been stored yet
 * @property {(before: Uint8Array | null, after: Uint8Array, bundle?: Bundle) => Promise<boolean>} write
 *   puts after in the place of before, durably, and with it the bundle that is
 *   the last good one from now on, whose chunks then are the only ones that stay.
 *   False, and nothing has changed, when another state stands there: another
 *   tab has gone on meanwhile
 * @property {(hash: string) => Promise<Uint8Array | null>} chunk as it was kept,
 *   or null. Nobody has looked at it since
 * @property {(hash: string, bytes: Uint8Array) => Promise<void>} keep
 */

const database = 'nearside';

/** @type {import('./idb.js').Migration[]} */
const migrations = [
  (db) => ['channels', 'chunks'].forEach((store) => db.createObjectStore(store)),
];

/**
 * The store of a channel: IndexedDB or, where there is none or it is forbidden,
 * memory.
 *
 * @param {string} name of the channel
 * @param {(message: string) => void} warn told when it is memory
 * @returns {Promise<Store>}
 */
export async function openStore(name, warn) {
  try {
    return new IndexedStore(/** @type {IDBDatabase} */ (await openDatabase(database, migrations)), name);
  } catch (error) {
    warn(`store: no IndexedDB: ${/** @type {Error} */ (error).message}; keeping the channel until the page closes`);
    return new MemoryStore();
  }
}

/** @implements {Store} */
export class MemoryStore {
  /** @type {Kept | null} */
  #kept = null;
  /** @type {Map<string, Uint8Array>} */
  #chunks = new Map();

  async read() {
    return this.#kept;
  }

  /** @param {Uint8Array | null} before @param {Uint8Array} after @param {Bundle} [bundle] */
  async write(before, after, bundle) {
    if (!follows(this.#kept, before, after)) return false;
    const { missing, idle } = compare([...this.#chunks.keys()], bundle);
    idle.forEach((hash) => this.#chunks.delete(hash));
    this.#kept = successor(this.#kept, after, bundle, missing);
    return true;
  }

  /** @param {string} hash */
  async chunk(hash) {
    return this.#chunks.get(hash) ?? null;
  }

  /** @param {string} hash @param {Uint8Array} bytes */
  async keep(hash, bytes) {
    this.#chunks.set(hash, bytes);
  }
}

/** @implements {Store} */
class IndexedStore {
  #db;
  #name;

  /** @param {IDBDatabase} db @param {string} name */
  constructor(db, name) {
    this.#db = db;
    this.#name = name;
  }

  /** @returns {Promise<Kept | null>} */
  async read() {
    return (await result(this.#db.transaction('channels').objectStore('channels').get(this.#name))) ?? null;
  }

  /** @param {Uint8Array | null} before @param {Uint8Array} after @param {Bundle} [bundle] */
  async write(before, after, bundle) {
    // One transaction: what is read stays what it is until all of it is written, or nothing.
    const transaction = this.#db.transaction(['channels', 'chunks'], 'readwrite', { durability: 'strict' });
    const done = completed(transaction);
    const [channels, chunks] = ['channels', 'chunks'].map((store) => transaction.objectStore(store));
    /** @type {Kept | null} */
    const kept = (await result(channels.get(this.#name))) ?? null;
    if (!follows(kept, before, after)) return false;
    const keys = bundle ? /** @type {[string, string][]} */ (await result(chunks.getAllKeys(beginningWith(this.#name)))) : [];
    const { missing, idle } = compare(keys.map(([, hash]) => hash), bundle);
    idle.forEach((hash) => chunks.delete([this.#name, hash]));
    channels.put(successor(kept, after, bundle, missing), this.#name);
    await done;
    return true;
  }

  /** @param {string} hash @returns {Promise<Uint8Array | null>} */
  async chunk(hash) {
    return (await result(this.#db.transaction('chunks').objectStore('chunks').get([this.#name, hash]))) ?? null;
  }

  /** @param {string} hash @param {Uint8Array} bytes */
  async keep(hash, bytes) {
    // Not strict: a chunk that is lost in a crash is fetched once more.
    const transaction = this.#db.transaction('chunks', 'readwrite');
    const done = completed(transaction);
    transaction.objectStore('chunks').put(bytes, [this.#name, hash]);
    await done;
  }
}

/** Whether a state may be written after what is kept. @param {Kept | null} kept @param {Uint8Array | null} before @param {Uint8Array} after */
function follows(kept, before, after) {
  // Another tab may have come to the same.
  return kept ? same(kept.state, after) || (before !== null && same(kept.state, before)) : before === null;
}

/**
 * Which of a bundle's chunks are missing among hashes, and which of these it
 * does not have. Without a bundle nothing is known of either.
 *
 * @param {string[]} hashes
 * @param {Bundle | undefined} bundle
 */
function compare(hashes, bundle) {
  if (!bundle) return { missing: 0, idle: [] };
  const wanted = new Set(chunksOf(bundle.parts).map(({ hash }) => hash));
  const idle = hashes.filter((hash) => !wanted.has(hash));
  return { missing: wanted.size - (hashes.length - idle.length), idle };
}

/** @param {Kept | null} kept @param {Uint8Array} state @param {Bundle | undefined} bundle @param {number} missing @returns {Kept} */
function successor(kept, state, bundle, missing) {
  if (!bundle) return { state, bundle: kept?.bundle ?? null };
  return { state, bundle: missing > 0 ? null : bundle };
}

/** @param {Part[]} parts @returns {Chunk[]} */
export function chunksOf(parts) {
  return parts.flatMap((part) => ('hash' in part ? [part] : []));
}

/** @param {Uint8Array} a @param {Uint8Array} b */
export function same(a, b) {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
