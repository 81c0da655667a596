// The JavaScript side of wasm/ABI.md: one instance of the sealed module, its
// memory, and the documents that go in and out. It needs no DOM, no worker and
// no network, so an edge function can use it as it is.

import { decode, encode } from './msgpack.js';

/** The status codes of ABI.md, in order: `codes[8]` is 'signature'. */
export const codes = Object.freeze([
  'ok', 'internal', 'not-open', 'memory', 'request', 'limit', 'syntax', 'root', 'signature', 'expired', 'version',
  'hash', 'layout', 'known-answer', 'partial',
]);

/** The words for what a person did with an item; the index is the ABI's number. */
export const kinds = Object.freeze(['unknown', 'view', 'click', 'like', 'buy', 'hide']);

const abiVersion = 2;
const documentVersion = 1;
const unitWeight = 65536;
const shareScale = 10_000;

/**
 * What nearside throws. `code` is the word to act on: one of {@link codes}, or
 *
 * - 'module': the file is not a sealed nearside module, or may not be compiled here
 * - 'trap': the module stopped in the middle of a call; the instance is lost
 * - 'network', 'aborted', 'closed': see open in nearside.js
 */
export class NearsideError extends Error {
  /**
   * @param {string} code
   * @param {string} message place first, in lower case
   * @param {ErrorOptions} [options]
   */
  constructor(code, message, options) {
    super(message, options);
    this.name = 'NearsideError';
    this.code = code;
  }
}

/**
 * @typedef {object} Event what a person did with one item
 * @property {string} item id, 1 … 256 bytes of UTF-8
 * @property {string} kind one of {@link kinds}, 'unknown' excepted
 * @property {number} time Unix seconds; 0: not known, ages nothing
 * @property {number} weight above 0, at most 16; 1 is usual
 *
 * @typedef {object} Request
 * @property {number} k how many items, 1 … the manifest's k_max
 * @property {number} now Unix seconds: events are aged against it
 * @property {Event[]} events the history, in any order
 * @property {number} reasons how many for each item, 0 … 16
 * @property {string[]} exclude ids that must not be shown, besides the history's own
 *
 * @typedef {object} Slate
 * @property {SlateItem[]} items best first
 * @property {Receipt} receipt
 *
 * @typedef {object} SlateItem
 * @property {number} index row in the catalogue
 * @property {string} id
 * @property {string} title may be empty
 * @property {number} score integer; comparable within one slate only
 * @property {{event: number, share: number}[]} reasons strongest first: the
 *   position of an event in the request, and its share of the score (0.62 is
 *   62 %; may be negative)
 *
 * @typedef {object} Receipt
 * @property {string} manifest SHA-256 of the manifest, in hex
 * @property {string} channel
 * @property {number} version of the bundle
 * @property {number} ranked how many items were ranked
 * @property {number} used how many events of the history were used
 * @property {number} unknown how many were about items that the catalogue lacks
 * @property {boolean} cold nothing usable was in the history: the order is popularity
 *
 * @typedef {object} Catalogue
 * @property {number} count items in the whole catalogue
 * @property {CatalogueItem[]} items in the order asked for
 *
 * @typedef {object} CatalogueItem
 * @property {number} index
 * @property {string} id
 * @property {string} title
 * @property {string[]} tags
 * @property {string} author
 * @property {number} published Unix seconds; 0: not known
 * @property {string} url
 * @property {string} image
 * @property {number} popularity people who had this item in training
 */

/**
 * Makes an instance of the module.
 *
 * @param {BufferSource | WebAssembly.Module} wasm
 * @returns {Promise<Guest>}
 * @throws {NearsideError} 'module', 'version', 'trap'
 */
export async function instantiate(wasm) {
  const module = wasm instanceof WebAssembly.Module ? wasm : await compile(() => WebAssembly.compile(wasm));
  const imports = WebAssembly.Module.imports(module);
  if (imports.length > 0) {
    const { module: from, name } = imports[0];
    throw new NearsideError('module', `guest: module imports "${from}.${name}", want no imports`);
  }
  const instance = await WebAssembly.instantiate(module, {});
  const guest = new Guest(instance.exports);
  guest.start();
  return guest;
}

/**
 * Runs a WebAssembly compilation, and says which file it was about when it
 * fails.
 *
 * @template T
 * @param {() => Promise<T>} run
 * @returns {Promise<T>}
 * @throws {NearsideError} 'module'
 */
export async function compile(run) {
  try {
    return await run();
  } catch (cause) {
    if (!(cause instanceof WebAssembly.CompileError)) throw cause;
    throw new NearsideError('module', `guest: module does not compile: ${cause.message}`, { cause });
  }
}

/** One instance. It holds one bundle and serves one caller at a time. */
class Guest {
  #exports;
  #lost = false;

  /** @param {any} exports */
  constructor(exports) {
    this.#exports = exports;
  }

  /** Starts the Go runtime and compares ABI versions. */
  start() {
    const { memory, _initialize, nearside_abi } = this.#exports;
    if (!memory || !_initialize || !nearside_abi) {
      throw new NearsideError('module', 'guest: module lacks the exports of ABI.md');
    }
    this.#run('_initialize');
    const version = this.#run('nearside_abi');
    if (version !== abiVersion) throw new NearsideError('version', `guest: module speaks ABI ${version}, want ${abiVersion}`);
  }

  /**
   * Verifies a bundle against a root and opens it. A failed open leaves the
   * bundle before it in place.
   *
   * @param {Uint8Array} root
   * @param {Uint8Array} bundle both are copied
   * @param {number} now Unix seconds
   * @throws {NearsideError} 'root', 'syntax', 'signature', 'expired', 'version',
   *   'hash', 'layout', 'limit', 'known-answer', 'memory'
   */
  open(root, bundle, now) {
    const pointers = [root, bundle].flatMap((bytes) => [this.#give(bytes), bytes.length]);
    this.#check('open', this.#call('nearside_open', ...pointers, BigInt(now)));
  }

  /** The manifest's bytes, exactly as they were signed. @throws {NearsideError} 'not-open' */
  manifest() {
    return this.#check('manifest', this.#call('nearside_manifest'));
  }

  /**
   * What the catalogue says about some items.
   *
   * @param {number[]} indices at most 4096
   * @returns {Catalogue}
   * @throws {NearsideError} 'request' for an index beyond the catalogue, 'not-open'
   */
  items(indices) {
    const request = document('items', [[0, documentVersion], [1, indices]]);
    const answer = decode(this.#check('items', this.call('nearside_items', request)));
    return {
      count: answer.get(1),
      items: answer.get(2).map((/** @type {Map<number, any>} */ item) => ({
        index: item.get(0),
        id: item.get(1),
        title: item.get(2),
        tags: item.get(3),
        author: item.get(4),
        published: item.get(5),
        url: item.get(6),
        image: item.get(7),
        popularity: item.get(8),
      })),
    };
  }

  /**
   * Ranks the catalogue for a history.
   *
   * @param {Request} request
   * @returns {Slate}
   * @throws {NearsideError} 'request', 'limit', 'not-open'
   */
  recommend({ k, now, events, reasons, exclude }) {
    const request = document('recommend', [
      [0, documentVersion],
      [1, k],
      [2, now],
      [3, events.map(({ item, kind, time, weight }) => [item, kinds.indexOf(kind), time, Math.round(weight * unitWeight)])],
      [4, reasons],
      [5, exclude],
    ]);
    const answer = decode(this.#check('recommend', this.call('nearside_recommend', request)));
    const receipt = answer.get(2);
    return {
      items: answer.get(1).map((/** @type {Map<number, any>} */ item) => ({
        index: item.get(0),
        id: item.get(1),
        title: item.get(2),
        score: item.get(3),
        reasons: item.get(4).map((/** @type {number[]} */ [event, share]) => ({ event, share: share / shareScale })),
      })),
      receipt: {
        manifest: toHex(receipt.get(0)),
        channel: receipt.get(1),
        version: receipt.get(2),
        ranked: receipt.get(3),
        used: receipt.get(4),
        unknown: receipt.get(5),
        cold: receipt.get(6),
      },
    };
  }

  /**
   * Passes one document to one export and hands back what comes out, whatever
   * the status: for vectors and for callers with their own codec.
   *
   * @param {'nearside_items' | 'nearside_recommend'} name
   * @param {Uint8Array} request is copied
   * @returns {{status: number, answer: Uint8Array}} the answer is a copy
   * @throws {NearsideError} 'trap', 'memory'
   */
  call(name, request) {
    return this.#call(name, this.#give(request), request.length);
  }

  /** A buffer of the guest's with these bytes in it. @param {Uint8Array} bytes */
  #give(bytes) {
    const pointer = this.#run('nearside_alloc', bytes.length) >>> 0;
    if (pointer === 0 && bytes.length > 0) throw new NearsideError('memory', `guest: no room for ${bytes.length} bytes`);
    // A view taken before the call would be detached if the memory grew in it.
    new Uint8Array(this.#exports.memory.buffer, pointer, bytes.length).set(bytes);
    return pointer;
  }

  /** @param {string} name @param {...(number | bigint)} args */
  #call(name, ...args) {
    const status = this.#run(name, ...args);
    const pointer = this.#run('nearside_result') >>> 0;
    const length = this.#run('nearside_result_len') >>> 0;
    return { status, answer: new Uint8Array(this.#exports.memory.buffer, pointer, length).slice() };
  }

  /** @param {string} name @param {...(number | bigint)} args */
  #run(name, ...args) {
    if (this.#lost) throw new NearsideError('trap', 'guest: the module stopped in an earlier call; make a new instance');
    try {
      return this.#exports[name](...args);
    } catch (cause) {
      this.#lost = true;
      throw new NearsideError('trap', `guest: the module stopped in "${name}": ${cause}`, { cause });
    }
  }

  /** @param {string} place @param {{status: number, answer: Uint8Array}} result */
  #check(place, { status, answer }) {
    if (status === 0) return answer;
    throw new NearsideError(codes[status] ?? 'internal', `guest: ${place}: ${new TextDecoder().decode(answer)}`);
  }
}

/**
 * A request's bytes.
 *
 * @param {string} place
 * @param {[number, any][]} pairs
 * @throws {NearsideError} 'request' for a value that no document can hold
 */
function document(place, pairs) {
  try {
    return encode(new Map(pairs));
  } catch (cause) {
    throw new NearsideError('request', `guest: ${place}: ${/** @type {Error} */ (cause).message}`, { cause });
  }
}

/** @param {Uint8Array} bytes */
export function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
