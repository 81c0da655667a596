// Following a channel from the page: it fetches what the engine asks for, and
// nothing that a channel does not have. Pages that open a bundle never load this.

import { compileResponse, loadRoot, read, rejected, there } from './load.js';
import { NearsideError, unixNow } from './words.js';

/**
 * @typedef {import('./connection.js').Connection} Connection
 * @typedef {import('./load.js').Loading} Loading
 * @typedef {import('./load.js').Source} Source
 * @typedef {import('./manifest.js').Manifest} Manifest
 */

/**
 * @param {Connection} connection
 * @param {{wasm: Source | WebAssembly.Module, channel: string | URL, name: string, root: Source}} files
 * @param {AbortController} stop
 * @param {Loading} loading
 * @returns {Promise<import('./nearside.js').Opened>}
 */
export async function openChannel(connection, { wasm, channel, name, root }, stop, loading) {
  if (!globalThis.crypto?.subtle) {
    throw new NearsideError('insecure', 'nearside: a channel wants WebCrypto, which pages have over https and from localhost');
  }
  const updates = new Updates(connection, folderOf(channel), stop);
  const stopped = rejected(stop.signal);
  const [rootBytes, hashed] = await Promise.race([stopped, Promise.all([
    connection.call('find', name, loading.copies !== undefined).then((known) => (known ? null : loadRoot(root, loading))),
    loadHashedModule(wasm, loading),
  ])]);
  const last = await Promise.race([stopped, connection.call('follow', { name, ...hashed, now: unixNow() })]);
  const updating = updates.look(rootBytes);
  updating.catch(() => {}); // nobody has to listen
  const first = last ?? { manifest: await Promise.race([stopped, connection.call('inUse', unixNow()), updating.then(() => stopped)]), whole: false };
  const completed = first.whole ? Promise.resolve() : updating.then(() => {});
  return { connection, stop, manifest: first.manifest, completed, settled: updating.catch(() => {}), updates, updating };
}

/** Looks for newer releases of a channel, one look at a time, and fetches for the worker. */
export class Updates {
  #connection;
  #folder;
  #stop;
  /** @type {Promise<Manifest | null> | undefined} */
  #looking;

  /** @param {Connection} connection @param {URL} folder @param {AbortController} stop of the first look */
  constructor(connection, folder, stop) {
    this.#connection = connection;
    this.#folder = folder;
    this.#stop = stop;
    connection.told.fetch = (/** @type {[number, string, number]} */ ...args) => this.#fetch(...args);
  }

  /** @param {Uint8Array | null} root @returns {Promise<Manifest | null>} when another bundle is in use */
  look(root) {
    if (!this.#looking) {
      this.#looking = this.#connection.call('update', root, unixNow()).finally(() => {
        this.#looking = undefined;
        this.#stop = new AbortController();
      });
    }
    return this.#looking;
  }

  /** @param {NearsideError} reason */
  close(reason) {
    this.#stop.abort(reason);
  }

  /** @param {number} id @param {string} name @param {number} max */
  async #fetch(id, name, max) {
    try {
      const file = await fetchFile(this.#folder, name, max, this.#stop.signal);
      this.#connection.post('fetched', [id, file, null], [file.buffer]);
    } catch (error) {
      const { code = 'internal', message } = /** @type {any} */ (error);
      this.#connection.post('fetched', [id, null, { code, message }], []);
    }
  }
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
  if (source instanceof WebAssembly.Module) return { module: there(source, loading) };
  return read(source, 'module', loading, async (response) => {
    const bytes = response.clone().arrayBuffer(); // both are fed from one download
    bytes.catch(() => {}); // compiling fails too
    return { module: await compileResponse(response), digest: new Uint8Array(await crypto.subtle.digest('SHA-256', await bytes)) };
  });
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

/** The folder of a channel, with a slash at its end. @param {string | URL} channel @throws {NearsideError} 'request' */
function folderOf(channel) {
  try {
    const folder = new URL(channel, globalThis.document?.baseURI);
    if (!folder.pathname.endsWith('/')) folder.pathname += '/';
    return folder;
  } catch (cause) {
    throw new NearsideError('request', `nearside: channel "${channel}": want a URL`, { cause });
  }
}
