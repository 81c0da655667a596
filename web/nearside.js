// Recommendations computed in the person's own browser. The page fetches three
// public files, the same for everybody; a worker checks their signature and
// ranks; what the person did stays in this browser's storage. Nothing is
// fetched but what the caller names, and nothing is ever sent.

import { compile, NearsideError } from './guest.js';
import { defaultStorage, History } from './history.js';
import { readManifest } from './manifest.js';

export { NearsideError };

/**
 * @typedef {string | URL | Response | BufferSource} Source where a file comes from
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
 * @typedef {object} Progress
 * @property {'module' | 'bundle'} stage
 * @property {number} loaded bytes so far
 * @property {number} total bytes in all; 0: the server did not say
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
 * Fetches, verifies and opens a model.
 *
 * @param {Options} options
 * @returns {Promise<Nearside>}
 * @throws {NearsideError} 'signature', 'expired' and the other words of ABI.md
 *   when the files are not in order; 'network' when one cannot be fetched;
 *   'module' when nearside.wasm is not the module; 'aborted'
 */
export async function open({ wasm, bundle, root, signal, onProgress, storage = defaultStorage(), onWarning = console.warn }) {
  const loading = { signal, onProgress };
  try {
    const [module, bundleBytes, rootBytes] = await Promise.all([
      wasm instanceof WebAssembly.Module ? wasm : loadModule(wasm, loading),
      loadBytes(bundle, 'bundle', loading),
      loadBytes(root, 'root', { signal }), // too small for progress
    ]);
    signal?.throwIfAborted();
    const worker = new Connection();
    const abort = () => worker.close('aborted', 'nearside: open was aborted');
    signal?.addEventListener('abort', abort);
    try {
      const manifest = await worker.call('open', { module, root: rootBytes, bundle: bundleBytes, now: unixNow() });
      return new Nearside(worker, manifest, storage, onWarning);
    } catch (error) {
      worker.close('closed', 'nearside: open failed');
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  } catch (cause) {
    if (signal?.aborted) throw new NearsideError('aborted', 'nearside: open was aborted', { cause: signal.reason });
    throw cause;
  }
}

/** An opened model together with the person's history. */
class Nearside {
  #worker;
  #manifest;
  #history;
  /** @type {Map<string, Reason[]>} */
  #reasons = new Map();

  /**
   * @param {Connection} worker
   * @param {Uint8Array} manifest
   * @param {import('./history.js').StorageLike} storage
   * @param {(message: string) => void} onWarning
   */
  constructor(worker, manifest, storage, onWarning) {
    this.#worker = worker;
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
   * not recommended again.
   *
   * @param {object} [options]
   * @param {number} [options.k] how many items
   * @param {number} [options.reasons] how many for each item, at most 16
   * @param {string[]} [options.exclude] ids that must not be shown
   * @returns {Promise<Recommendations>}
   * @throws {NearsideError} 'limit' for a k above the manifest's, 'request',
   *   'trap', 'closed'
   */
  async recommend({ k = 10, reasons = 3, exclude = [] } = {}) {
    const events = this.#history.read().slice(-this.#manifest.limits.history);
    const list = await this.#worker.call('recommend', { k, now: unixNow(), events, reasons, exclude });
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

  /** Stops the worker: recommend and items throw 'closed' from now on. The history stays. */
  close() {
    this.#worker.close('closed', 'nearside: closed');
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
      this.close('network', `nearside: worker: ${event.message || 'worker.js could not be loaded'}`);
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

  /** @param {string} code @param {string} message what every call throws from now on */
  close(code, message) {
    if (this.#closed) return;
    this.#worker.terminate();
    this.#closed = new NearsideError(code, message);
    for (const { reject } of this.#waiting.values()) reject(this.#closed);
    this.#waiting.clear();
  }
}

/** @typedef {Pick<Options, 'signal' | 'onProgress'>} Loading */

/** @param {Source} source @param {Loading} loading */
async function loadModule(source, loading) {
  if (isBytes(source)) return compile(() => WebAssembly.compile(source));
  return read(source, 'module', loading, (response) => {
    // Compiling while loading is refused under any other type, see
    // https://webassembly.github.io/spec/web-api/#streaming-modules
    const streams = response.headers.get('content-type') === 'application/wasm';
    return compile(async () =>
      streams ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer()),
    );
  });
}

/** @param {Source} source @param {string} stage @param {Loading} loading */
async function loadBytes(source, stage, loading) {
  if (ArrayBuffer.isView(source)) return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  if (isBytes(source)) return new Uint8Array(source);
  return read(source, stage, loading, async (response) => new Uint8Array(await response.arrayBuffer()));
}

/** @param {any} source @returns {source is BufferSource} */
function isBytes(source) {
  return source instanceof ArrayBuffer || ArrayBuffer.isView(source);
}

/**
 * Fetches a file, unless it comes as a response, and reads its body.
 *
 * @template T
 * @param {string | URL | Response} source
 * @param {string} stage what onProgress is told
 * @param {Loading} loading
 * @param {(response: Response) => Promise<T>} consume
 * @returns {Promise<T>}
 * @throws {NearsideError} 'network', and what consume throws
 */
async function read(source, stage, { signal, onProgress }, consume) {
  const url = source instanceof Response ? source.url : source;
  try {
    // No cookies: the files are the same for everybody, and the server need not
    // know who asks.
    const response = source instanceof Response ? source : await fetch(source, { credentials: 'omit', signal });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return await consume(onProgress ? counted(response, stage, onProgress) : response);
  } catch (cause) {
    if (cause instanceof NearsideError) throw cause;
    throw new NearsideError('network', `nearside: fetch "${url}": ${/** @type {Error} */ (cause).message}`, { cause });
  }
}

/**
 * The same response, whose body tells onProgress what has come.
 *
 * @param {Response} response
 * @param {string} stage
 * @param {(progress: any) => void} onProgress
 */
function counted(response, stage, onProgress) {
  if (!response.body) return response;
  // The length that is announced is the compressed one, if there is one.
  const total = response.headers.has('content-encoding') ? 0 : Number(response.headers.get('content-length'));
  let loaded = 0;
  const counter = new TransformStream({
    transform(chunk, controller) {
      loaded += chunk.byteLength;
      onProgress({ stage, loaded, total });
      controller.enqueue(chunk);
    },
  });
  return new Response(response.body.pipeThrough(counter), response);
}

function unixNow() {
  return Math.floor(Date.now() / 1000);
}
