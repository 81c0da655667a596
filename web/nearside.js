// Recommendations computed in the person's own browser. The page fetches three
// public files, the same for everybody; a worker checks their signature and
// ranks; what the person did stays in this browser's storage. Nothing is
// fetched but what the caller names, and nothing is ever sent.

import { NearsideError } from './guest.js';
import { defaultStorage, History } from './history.js';
import { loadBytes, loadModule, pass } from './load.js';
import { readManifest } from './manifest.js';

export { NearsideError };

/**
 * @typedef {import('./load.js').Source} Source
 * @typedef {import('./load.js').Progress} Progress
 *
 * @typedef {object} Options
 * @property {Source | WebAssembly.Module} wasm the module, nearside.wasm
 * @property {Source} bundle the signed model, *.nsb
 * @property {Source} root the keys that may sign it, *.nsr
 * @property {AbortSignal} [signal] gives up opening
 * @property {(progress: Progress) => void} [onProgress]
 * @property {import('./history.js').StorageLike} [storage] where the history is
 *   kept; localStorage when left out, or memory where that is missing
 * @property {(message: string) => void} [onWarning] told once when the stored
 *   history is unreadable or cannot be written; console.warn when left out
 *
 * @typedef {object} Recommendations
 * @property {Recommendation[]} items best first
 * @property {import('./guest.js').Receipt} receipt
 *
 * @typedef {object} Recommendation
 * @property {number} index row in the catalogue
 * @property {string} id
 * @property {string} title may be empty
 * @property {number} score integer; comparable within one list only
 * @property {Reason[]} reasons strongest first
 *
 * @typedef {object} Reason an item of the history that speaks for a recommendation
 * @property {string} id
 * @property {string} title '' when the catalogue does not have the item
 * @property {string} kind
 * @property {number} time Unix seconds
 * @property {number} share of the score: 0.62 is 62 %; may be negative
 */

/**
 * Fetches, verifies and opens a model. The three files are fetched at the same
 * time, and a bundle whose last part only refines the scores is open before that
 * part has come: see completed in {@link Nearside}.
 *
 * @param {Options} options
 * @returns {Promise<Nearside>}
 * @throws {NearsideError} 'signature', 'expired' and the other words of ABI.md
 *   when the files are not in order; 'network' when one cannot be fetched;
 *   'module' when nearside.wasm is not the module; 'aborted'
 */
export async function open({ wasm, bundle, root, signal, onProgress, storage = defaultStorage(), onWarning = console.warn }) {
  const stop = new AbortController(); // ends whatever is under way
  const abort = () => stop.abort(new NearsideError('aborted', 'nearside: open was aborted', { cause: signal?.reason }));
  signal?.addEventListener('abort', abort);
  if (signal?.aborted) abort();
  /** @type {Connection | undefined} */
  let worker;
  try {
    stop.signal.throwIfAborted();
    const connection = (worker = new Connection());
    const loading = { signal: stop.signal, onProgress };
    const stopped = rejected(stop.signal);
    const [{ size, passed }, rootBytes] = await Promise.race([stopped, Promise.all([
      pass(bundle, loading, (chunk, transfer) => connection.post('write', [chunk], transfer)),
      loadBytes(root, 'root', { signal: stop.signal }), // too small for progress
      loadModule(wasm, loading).then((module) => connection.call('load', module)),
    ])]);
    const broken = passed.then(() => stopped);
    const manifest = await Promise.race([stopped, broken, connection.call('open', { root: rootBytes, size, now: unixNow() })]);
    const completed = Promise.race([stopped, broken, connection.call('complete')]);
    completed.catch((error) => stop.abort(error)).then(() => signal?.removeEventListener('abort', abort));
    return new Nearside(connection, stop, manifest, { storage, onWarning, completed });
  } catch (error) {
    signal?.removeEventListener('abort', abort);
    worker?.close(new NearsideError('closed', 'nearside: open failed'));
    stop.abort(error);
    throw error;
  }
}

/** An opened model together with the person's history. */
class Nearside {
  /**
   * Resolves when the whole bundle is in use, which for most bundles is as soon
   * as it is open. Until then recommendations come from the codes alone, and
   * their receipts say early. When the rest does not come or is not what was
   * signed, that goes on, and this rejects, once, with a {@link NearsideError}:
   * 'network', 'hash' or another word of ABI.md, 'aborted' when the signal of
   * open stopped it, 'closed'. Nobody has to listen. After 'known-answer' and
   * 'trap' there are no recommendations any more.
   *
   * @type {Promise<void>}
   */
  completed;
  #worker;
  #stop;
  #manifest;
  #history;
  /** @type {Map<string, Reason[]>} */
  #reasons = new Map();

  /**
   * @param {Connection} worker
   * @param {AbortController} stop
   * @param {Uint8Array} manifest
   * @param {{storage: import('./history.js').StorageLike, onWarning: (message: string) => void, completed: Promise<any>}} rest
   */
  constructor(worker, stop, manifest, { storage, onWarning, completed }) {
    this.completed = completed;
    this.#worker = worker;
    this.#stop = stop;
    this.#manifest = readManifest(manifest);
    this.#history = new History(storage, `nearside:${this.#manifest.channel}`, onWarning);
  }

  /**
   * Remembers what the person did, on this device.
   *
   * @param {object} event
   * @param {string} event.item id
   * @param {string} [event.kind] 'view', 'click', 'like', 'buy' or 'hide'
   * @param {number} [event.time] Unix seconds; now when left out
   * @param {number} [event.weight] above 0, at most 16
   * @throws {NearsideError} 'request' when it is not an event
   */
  observe({ item, kind = 'click', time = unixNow(), weight = 1 }) {
    this.#history.add({ item, kind, time, weight });
  }

  /**
   * Ranks the catalogue for the history as it is now. Items of the history are
   * not recommended again, unless the bundle has a pool that says so.
   *
   * @param {object} [options]
   * @param {number} [options.k] how many items
   * @param {number} [options.reasons] how many for each item, at most 16
   * @param {string[]} [options.exclude] ids that must not be shown
   * @param {string[]} [options.anyTags] an item must have one of them; at most 64
   * @param {string[]} [options.noTags] an item must have none of them; at most 64
   * @param {Uint8Array} [options.unavailable] a bit for each row of the
   *   catalogue, lowest first; 1: must not be shown
   * @param {Float32Array} [options.vector] to rank by instead of the history;
   *   there are no reasons then
   * @param {boolean} [options.seen] whether items of the history may be
   *   recommended, instead of what the bundle says: see pool in the manifest.
   *   Those that were hidden never are
   * @returns {Promise<Recommendations>}
   * @throws {NearsideError} 'limit' for a k above the manifest's, 'request', as
   *   for seen items of a bundle without a pool, 'trap', 'closed'
   */
  async recommend({ k = 10, reasons = 3, exclude = [], ...filters } = {}) {
    const events = this.#history.read().slice(-this.#manifest.limits.history);
    const list = await this.#worker.call('recommend', { k, now: unixNow(), events, reasons, exclude, ...filters });
    this.#reasons = new Map(list.items.map((/** @type {Recommendation} */ item) => [item.id, item.reasons]));
    return list;
  }

  /**
   * Why an item stands in the last list.
   *
   * @param {string} item id
   * @returns {Reason[] | null} strongest first; null when the last list does not
   *   have the item
   */
  explain(item) {
    return this.#reasons.get(item) ?? null;
  }

  /**
   * Forgets the events of one item, or the whole history.
   *
   * @param {string} [item] id
   */
  forget(item) {
    this.#history.remove(item);
  }

  /** The events on this device, oldest first. @returns {import('./guest.js').Event[]} */
  history() {
    return this.#history.read();
  }

  /**
   * What the catalogue says about some items, in the order asked for.
   *
   * @param {number[]} indices 0 … count−1, at most 4096 of them; none asks for
   *   count only
   * @returns {Promise<import('./guest.js').Catalogue>}
   * @throws {NearsideError} 'request' for an index beyond the catalogue, 'closed'
   */
  items(indices) {
    return this.#worker.call('items', indices);
  }

  /** What the publisher signed: limits, scoring, privacy label. @returns {import('./manifest.js').Manifest} */
  manifest() {
    return this.#manifest;
  }

  /**
   * Stops the worker, and the download where there still is one: recommend and
   * items throw 'closed' from now on. The history stays.
   */
  close() {
    const closed = new NearsideError('closed', 'nearside: closed');
    this.#stop.abort(closed);
    this.#worker.close(closed);
  }
}

/** The worker's end in the page: calls out, answers in. */
class Connection {
  #worker;
  /** @type {Map<number, {resolve: (value: any) => void, reject: (error: NearsideError) => void}>} */
  #waiting = new Map();
  #calls = 0;
  /** @type {NearsideError | undefined} */
  #closed;

  /** @throws {NearsideError} 'network' when the browser does not let this page have the worker */
  constructor() {
    try {
      this.#worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
    } catch (cause) {
      throw new NearsideError('network', `nearside: worker: ${/** @type {Error} */ (cause).message}`, { cause });
    }
    this.#worker.onmessage = ({ data: { id, value, error } }) => {
      const call = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) call?.reject(new NearsideError(error.code, error.message));
      else call?.resolve(value);
    };
    this.#worker.onerror = (event) => {
      this.close(new NearsideError('network', `nearside: worker: ${event.message || 'worker.js could not be loaded'}`));
    };
  }

  /**
   * @param {string} name
   * @param {...any} args are copied, so the caller's bytes stay the caller's
   * @returns {Promise<any>}
   */
  async call(name, ...args) {
    if (this.#closed) throw this.#closed;
    const id = this.#calls++;
    this.#worker.postMessage({ id, name, args });
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /**
   * Calls without waiting for an answer.
   *
   * @param {string} name
   * @param {any[]} args
   * @param {ArrayBuffer[]} transfer what of args is handed over, not copied
   */
  post(name, args, transfer) {
    this.#worker.postMessage({ name, args }, transfer);
  }

  /** @param {NearsideError} error what every call throws from now on */
  close(error) {
    if (this.#closed) return;
    this.#worker.terminate();
    this.#closed = error;
    for (const { reject } of this.#waiting.values()) reject(this.#closed);
    this.#waiting.clear();
  }
}

/** A promise that rejects when the signal does. @param {AbortSignal} signal @returns {Promise<never>} */
function rejected(signal) {
  const promise = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  promise.catch(() => {}); // nobody has to listen
  return /** @type {Promise<never>} */ (promise);
}

function unixNow() {
  return Math.floor(Date.now() / 1000);
}
