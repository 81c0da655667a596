// Files on their way into the page: fetched, read and counted, and refused in
// the words of NearsideError.

import { compile, NearsideError } from './guest.js';

/**
 * @typedef {string | URL | Response | BufferSource} Source where a file comes from
 *
 * @typedef {object} Progress
 * @property {'module' | 'bundle'} stage
 * @property {number} loaded bytes so far
 * @property {number} total bytes in all; 0: the server did not say
 *
 * @typedef {object} Loading
 * @property {AbortSignal} [signal] gives up
 * @property {(progress: Progress) => void} [onProgress]
 */

/** @param {Source | WebAssembly.Module} source @param {Loading} loading @returns {Promise<WebAssembly.Module>} */
export async function loadModule(source, loading) {
  if (source instanceof WebAssembly.Module) return source;
  if (isBytes(source)) return compile(() => WebAssembly.compile(source));
  return read(source, 'module', loading, compileResponse);
}

/** @param {Response} response */
function compileResponse(response) {
  // Compiling while loading is refused under any other type, see
  // https://webassembly.github.io/spec/web-api/#streaming-modules
  const streams = response.headers.get('content-type') === 'application/wasm';
  return compile(async () =>
    streams ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer()),
  );
}

/**
 * Loads a module whose hash a manifest may ask for.
 *
 * @param {Source | WebAssembly.Module} source
 * @param {Loading} loading
 * @returns {Promise<{module: WebAssembly.Module, digest?: Uint8Array}>} digest is
 *   the SHA-256 of its bytes; left out: it came compiled, so they are not known
 */
export async function loadHashedModule(source, loading) {
  if (source instanceof WebAssembly.Module) return { module: source };
  if (isBytes(source)) return { module: await loadModule(source, loading), digest: await sha256(source) };
  return read(source, 'module', loading, async (response) => {
    const bytes = response.clone().arrayBuffer(); // both are fed from one download
    bytes.catch(() => {}); // compiling fails too
    return { module: await compileResponse(response), digest: await sha256(await bytes) };
  });
}

/** @param {BufferSource} bytes */
async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}

/** Every name that a file of a channel can have. */
const fileNames = /^(root\.nsr|head\.nsh|roots\/[1-9][0-9]{0,9}\.nsr|releases\/[0-9a-f]{64}\.nsm|(chunks|patches)\/[0-9a-f]{64})$/;

/**
 * Gets a file of a channel.
 *
 * @param {URL} folder
 * @param {string} name relative to the folder, as the module gave it
 * @param {number} max bytes; no more are read
 * @param {AbortSignal} signal
 * @returns {Promise<Uint8Array<ArrayBuffer>>} whose memory is nobody else's
 * @throws {NearsideError} 'network', 'size'
 */
export async function fetchFile(folder, name, max, signal) {
  // A module that knew the person could otherwise tell somebody by what it asks for.
  if (!fileNames.test(name)) throw new NearsideError('internal', `nearside: "${name}" is not the name of a file of a channel`);
  /** @type {RequestInit} */
  const init = {
    mode: 'cors',
    referrerPolicy: 'no-referrer',
    cache: name === 'root.nsr' || name === 'head.nsh' ? 'no-cache' : 'default', // nothing else ever changes
  };
  return read(new URL(name, folder), 'channel', { signal }, (response) => bounded(response, max), init);
}

/** @param {Response} response @param {number} max */
async function bounded({ body, url }, max) {
  const reader = body?.getReader();
  const pieces = [];
  let length = 0;
  for (let step; reader && !(step = await reader.read()).done; ) {
    pieces.push(step.value);
    if ((length += step.value.length) <= max) continue;
    reader.cancel().catch(() => {});
    throw new NearsideError('size', `nearside: fetch "${url}": more than ${max} bytes`);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
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
export async function loadBytes(source, stage, loading) {
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

/**
 * Fetches a file, unless it comes as a response, and reads its body.
 *
 * @template T
 * @param {string | URL | Response} source
 * @param {string} stage what onProgress is told
 * @param {Loading} loading
 * @param {(response: Response) => Promise<T>} consume
 * @param {RequestInit} [init]
 * @returns {Promise<T>}
 * @throws {NearsideError} 'network', and what consume throws
 */
async function read(source, stage, { signal, onProgress }, consume, init) {
  const url = source instanceof Response ? source.url : source;
  try {
    // No cookies: the files are the same for everybody, and the server need not
    // know who asks.
    const response = source instanceof Response ? source : await fetch(source, { ...init, credentials: 'omit', signal });
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
