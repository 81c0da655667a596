// Files on their way into the page: fetched, read and counted, and refused in
// the words of NearsideError.

import { compile, NearsideError } from './words.js';

/**
 * @typedef {string | URL | Response | BufferSource} Source where a file comes from
 *
 * @typedef {object} Loading
 * @property {AbortSignal} [signal] gives up
 * @property {(file: any, loaded: number, total: number) => void} [step] told what
 *   has come of a module or a bundle, in bytes; total 0: the server did not say
 * @property {(() => Promise<void>)[]} [copies] what would keep copies in Cache
 *   Storage, for when the network fails, of what turns out to be right; left out:
 *   there are none
 */

/** In Cache Storage. */
const cacheName = 'nearside';

/** @param {Source | WebAssembly.Module} source @param {Loading} loading @returns {Promise<WebAssembly.Module>} */
export async function loadModule(source, loading) {
  if (source instanceof WebAssembly.Module) return there(source, loading);
  return read(source, 'module', loading, compileResponse);
}

/** @param {Response} response */
export function compileResponse(response) {
  // Compiling while loading is refused under any other type, see
  // https://webassembly.github.io/spec/web-api/#streaming-modules
  const streams = response.headers.get('content-type') === 'application/wasm';
  return compile(async () =>
    streams ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer()),
  );
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
export async function pass(source, loading, send) {
  return read(source, 'bundle', { ...loading, step: undefined }, async (response) => {
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

/** A root, which is too small for progress. @param {Source} source @param {Loading} loading */
export function loadRoot(source, loading) {
  return read(source, 'root', { ...loading, step: undefined }, async (response) => new Uint8Array(await response.arrayBuffer()));
}

/** A module that nothing has to be loaded for. @param {WebAssembly.Module} module @param {Loading} loading */
export function there(module, { step }) {
  step?.('module', 1, 1); // its bytes are not known
  return module;
}

/** The bytes of a response that is still coming; 0: not known. @param {Response} response */
function announced({ headers }) {
  // The length is the compressed one, if there is one.
  return headers.has('content-encoding') ? 0 : Number(headers.get('content-length'));
}

/**
 * Fetches a file, unless it is there already, and reads its body.
 *
 * @template T
 * @param {Source} source bytes are copied at once
 * @param {string} file what step is told
 * @param {Loading} loading
 * @param {(response: Response) => Promise<T>} consume
 * @param {RequestInit} [init]
 * @returns {Promise<T>}
 * @throws {NearsideError} 'network', and what consume throws
 */
export async function read(source, file, { signal, step, copies }, consume, init) {
  const given = source instanceof ArrayBuffer || ArrayBuffer.isView(source) ? new Response(source, { headers: { 'content-length': `${source.byteLength}` } }) : source;
  const url = given instanceof Response ? given.url : given;
  try {
    // No cookies: the files are the same for everybody, and the server need not
    // know who asks.
    const response = given instanceof Response ? given : await request(given, { ...init, credentials: 'omit', signal }, copies);
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    if (response.bodyUsed) throw new Error('its body has been read');
    return await consume(step ? counted(response, file, step) : response);
  } catch (cause) {
    signal?.throwIfAborted(); // browsers differ in what a body that was aborted throws
    if (cause instanceof NearsideError) throw cause;
    throw new NearsideError('network', `nearside: fetch "${url}": ${/** @type {Error} */ (cause).message}`, { cause });
  }
}

/**
 * Fetches a file. A copy of it, if there is one, stands in when there is no
 * network or the server is in trouble.
 *
 * @param {string | URL} url
 * @param {RequestInit} init
 * @param {(() => Promise<void>)[]} [copies]
 * @returns {Promise<Response>}
 */
async function request(url, init, copies) {
  const finding = copies && globalThis.caches // which only secure pages have, and not all of them may use
    ?.open(cacheName)
    .then(async (cache) => ({ cache, copy: await cache.match(url) }))
    .catch(() => undefined);
  /** @type {Response | undefined} */
  let response;
  try {
    response = await fetch(url, init);
    if (response.status >= 500) throw new Error(`HTTP ${response.status}`);
  } catch (error) {
    const copy = init.signal?.aborted ? null : (await finding)?.copy;
    if (!copy) throw error;
    return copy;
  }
  const found = await finding;
  if (found && response.ok && !sameVersion(response, found.copy)) {
    const copy = response.clone();
    copies?.push(async () => {
      await found.cache.delete(url, { ignoreSearch: true }); // of other versions
      await found.cache.put(url, copy);
    });
  }
  return response;
}

/** Whether the server says that two answers are of one version. @param {Response} a @param {Response | undefined} b */
function sameVersion(a, b) {
  const [x, y] = [a, b].map((response) => response?.headers.get('etag') ?? response?.headers.get('last-modified'));
  return x && x === y;
}

/**
 * The same response, whose body tells what has come.
 *
 * @param {Response} response
 * @param {string} file
 * @param {NonNullable<Loading['step']>} step
 */
function counted(response, file, step) {
  if (!response.body) return response;
  const total = announced(response);
  let loaded = 0;
  const counter = new TransformStream({
    transform(chunk, controller) {
      step(file, (loaded += chunk.byteLength), total);
      controller.enqueue(chunk);
    },
    flush: () => step(file, loaded, loaded), // now that is known
  });
  return new Response(response.body.pipeThrough(counter), response);
}

/** A promise that rejects when the signal does. @param {AbortSignal} signal @returns {Promise<never>} */
export function rejected(signal) {
  const promise = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  promise.catch(() => {}); // nobody has to listen
  return /** @type {Promise<never>} */ (promise);
}
