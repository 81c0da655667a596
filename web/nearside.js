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

/** @typedef {Pick<Options, 'signal' | 'onProgress'>} Loading */

/** @param {Source | WebAssembly.Module} source @param {Loading} loading */
async function loadModule(source, loading) {
  if (source instanceof WebAssembly.Module) return source;
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

/**
 * Passes a file on as it comes, and null at its end. Bytes of the caller's are
 * copied; what was fetched is handed over.
 *
 * @param {Source} source
 * @param {Loading} loading
 * @param {(chunk: Uint8Array | null, transfer: ArrayBuffer[]) => void} send
 * @returns {Promise<{size: number, passed: Promise<void>}>} as soon as the size
 *   is known, in bytes, or that it is not: 0. Nobody has to listen to passed
 */
async function pass(source, loading, send) {
  if (isBytes(source)) {
    const copy = asBytes(source).slice();
    send(copy, [copy.buffer]);
    send(null, []);
    return { size: source.byteLength, passed: Promise.resolve() };
  }
  return read(source, 'bundle', { signal: loading.signal }, async (response) => {
    const size = announced(response);
    // A failure in the middle has its own words, as if it were one more fetch.
    const passed = read(response, 'bundle', loading, (counted) => pump(counted, loading.signal, send));
    passed.catch(() => {});
    return { size, passed };
  });
}

/** @param {Response} response @param {AbortSignal | undefined} signal @param {(chunk: Uint8Array | null, transfer: ArrayBuffer[]) => void} send */
async function pump({ body }, signal, send) {
  const reader = body?.getReader();
  // A response that the caller fetched knows nothing of the signal.
  signal?.addEventListener('abort', () => reader?.cancel(signal.reason).catch(() => {}));
  for (let step; reader && !(step = await reader.read()).done; ) {
    signal?.throwIfAborted();
    // Part of a larger buffer: the rest of it may be somebody else's.
    const chunk = step.value.byteLength === step.value.buffer.byteLength ? step.value : step.value.slice();
    send(chunk, [chunk.buffer]);
  }
  signal?.throwIfAborted();
  send(null, []);
}

/** @param {Source} source @param {string} stage @param {Loading} loading */
async function loadBytes(source, stage, loading) {
  if (isBytes(source)) return asBytes(source);
  return read(source, stage, loading, async (response) => new Uint8Array(await response.arrayBuffer()));
}

/** @param {any} source @returns {source is BufferSource} */
function isBytes(source) {
  return source instanceof ArrayBuffer || ArrayBuffer.isView(source);
}

/** @param {BufferSource} source */
function asBytes(source) {
  return ArrayBuffer.isView(source) ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength) : new Uint8Array(source);
}

/** The bytes of a response that is still coming; 0: not known. @param {Response} response */
function announced({ headers }) {
  // The length is the compressed one, if there is one.
  return headers.has('content-encoding') ? 0 : Number(headers.get('content-length'));
}

/** A promise that rejects when the signal does. @param {AbortSignal} signal @returns {Promise<never>} */
function rejected(signal) {
  const promise = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  promise.catch(() => {}); // nobody has to listen
  return /** @type {Promise<never>} */ (promise);
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
    signal?.throwIfAborted(); // browsers differ in what a body that was aborted throws
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
  const total = announced(response);
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
