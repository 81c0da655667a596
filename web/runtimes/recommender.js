// The module without a page: what node.js, workerd.js and deno.js beside this
// file give. They differ in how they come by nearside.wasm and in nothing else.

import { instantiate } from '../guest.js';
import { readManifest } from '../manifest.js';
import { NearsideError, unixNow } from '../words.js';

/**
 * @typedef {Awaited<ReturnType<typeof instantiate>>} Guest
 *
 * @typedef {object} Options
 * @property {BufferSource} bundle the signed model, *.nsb
 * @property {BufferSource} root the keys that may sign, *.nsr; it comes with the
 *   server's own code
 * @property {number} [now] Unix seconds; the clock's when left out
 *
 * @typedef {object} Event what a person did with one item
 * @property {string} item id
 * @property {string} [kind] 'view', 'click', 'like', 'buy' or 'hide'; 'click' when left out
 * @property {number} [time] Unix seconds; now when left out
 * @property {number} [weight] above 0, at most 16; 1 when left out
 *
 * @typedef {object} Request
 * @property {number} [k] how many items; 10 when left out
 * @property {Event[]} [events] the history, oldest first; the latest that the
 *   manifest allows count. It is not kept
 * @property {number} [reasons] how many for each item, 0 … 16; 3 when left out
 * @property {import('../nearside.js').Filter} [filter] what may be shown
 * @property {number} [diversity] 0 … 1: how much unlikeness to what stands before
 *   counts beside the score; 0, the default, is the plain order
 * @property {Float32Array} [vector] to rank by instead of the history; there are
 *   no reasons then
 * @property {number} [now] Unix seconds; the clock's when left out
 *
 * @typedef {object} Recommendations
 * @property {Recommendation[]} items best first
 * @property {import('../guest.js').Receipt} receipt
 *
 * @typedef {object} Recommendation
 * @property {number} index row in the catalogue
 * @property {string} id
 * @property {string} title may be empty
 * @property {number} score integer; comparable within one list only
 * @property {Reason[]} reasons strongest first
 *
 * @typedef {object} Reason an event that speaks for a recommendation
 * @property {string} id of the event's item
 * @property {string} kind
 * @property {number} time Unix seconds
 * @property {number} share of the score: 0.62 is 62 %; may be negative
 */

/**
 * Verifies a bundle and opens it in an instance of its own.
 *
 * @param {BufferSource | WebAssembly.Module} wasm
 * @param {Options} options
 * @returns {Promise<Recommender>}
 * @throws {NearsideError} 'signature', 'expired' and the other words of ABI.md
 *   when the files are not in order, 'module' when nearside.wasm is not the module
 */
export async function openIn(wasm, { bundle, root, now = unixNow() }) {
  const guest = await instantiate(wasm);
  guest.open(bytesOf(root), bytesOf(bundle), now);
  return new Recommender(guest);
}

/** An opened model that remembers nobody: each call brings its history along. */
export class Recommender {
  /** @type {Guest | undefined} */
  #guest;
  #manifest;

  /** @param {Guest} guest whose bundle is open */
  constructor(guest) {
    this.#guest = guest;
    this.#manifest = readManifest(guest.manifest());
  }

  /**
   * Ranks the catalogue for a history.
   *
   * @param {Request} [request]
   * @returns {Recommendations}
   * @throws {NearsideError} 'expired' once the manifest has, 'limit' for a k above
   *   the manifest's, 'request', 'trap', 'closed'
   */
  recommend({ k = 10, events = [], reasons = 3, filter = {}, diversity, vector, now = unixNow() } = {}) {
    if (now >= this.#manifest.expires) throw new NearsideError('expired', 'nearside: recommend: the bundle has expired: open a newer one');
    const history = events
      .slice(-this.#manifest.limits.history)
      .map(({ item, kind = 'click', time = now, weight = 1 }) => ({ item, kind, time, weight }));
    const { items, receipt } = this.#open().recommend({ exclude: [], ...filter, k, now, events: history, reasons, diversity, vector });
    return { items: items.map((item) => ({ ...item, reasons: item.reasons.map((reason) => reasonOf(reason, history)) })), receipt };
  }

  /**
   * What the catalogue says about some items.
   *
   * @param {number[]} indices rows, at most 4096; none to ask for the count
   * @returns {import('../guest.js').Catalogue}
   * @throws {NearsideError} 'request' for a row beyond the catalogue, 'closed'
   */
  items(indices) {
    return this.#open().items(indices);
  }

  /** What the publisher signed. */
  manifest() {
    return this.#manifest;
  }

  /** Lets go of the module's memory. */
  close() {
    this.#guest = undefined;
  }

  [Symbol.dispose]() {
    this.close();
  }

  #open() {
    if (!this.#guest) throw new NearsideError('closed', 'nearside: the recommender is closed');
    return this.#guest;
  }
}

/**
 * @param {{event: number, share: number}} reason
 * @param {import('../guest.js').Event[]} history
 * @returns {Reason}
 */
function reasonOf({ event, share }, history) {
  const { item: id, kind, time } = history[event];
  return { id, kind, time, share };
}

/** @param {BufferSource} source */
function bytesOf(source) {
  return ArrayBuffer.isView(source) ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength) : new Uint8Array(source);
}
