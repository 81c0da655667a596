// The JavaScript side of wasm/ABI.md: one instance of the sealed module, its
// memory, and the documents that go in and out. It needs no DOM, no worker and
// no network, so an edge function can use it as it is.

import { decode, encode } from './msgpack.js';
import { codes, compile, kinds, NearsideError } from './words.js';

export { codes, kinds, NearsideError };

const abiVersion = 5;
const documentVersion = 1;
const unit = 65536; // 1, of weights and diversity
const shareScale = 10_000;
const maxFile = 2 ** 30; // bytes of a bundle, and of a buffer of the module's
const partial = codes.indexOf('partial');

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
 * @property {Event[]} events the history, oldest first
 * @property {number} reasons how many for each item, 0 … 16
 * @property {string[]} exclude ids that must not be shown, besides the history's own
 * @property {string[]} [anyTags] at most 64: an item must have one of them
 * @property {string[]} [noTags] at most 64: an item must have none of them
 * @property {Uint8Array} [unavailable] bit i mod 8 (1, 2, 4, …) of byte ⌊i/8⌋ is
 *   set when item i must not be shown; what is missing is 0
 * @property {Float32Array} [vector] to rank by instead of the history, in the
 *   coordinates of the model's factors; there are no reasons then
 * @property {boolean} [seen] whether items of the history may be answered; what
 *   the bundle says when left out. True is for bundles with a pool. Hidden items
 *   never are
 * @property {number} [diversity] 0 … 1: how much unlikeness in tags and author to
 *   what stands before counts beside the score; 0 when left out
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
 * @property {boolean} early the bundle was not whole: the codes alone gave the scores
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
  return new Guest(new Instance(instance.exports));
}

/** An instance's memory and exports. */
class Instance {
  #exports;
  #lost = false;

  /** The receiver whose bundle is open and not whole. @type {Receiver | undefined} */
  arriving;

  /** Starts the Go runtime and compares ABI versions. @param {any} exports */
  constructor(exports) {
    const { memory, _initialize, nearside_abi } = exports;
    if (!memory || !_initialize || !nearside_abi) {
      throw new NearsideError('module', 'guest: module lacks the exports of ABI.md');
    }
    this.#exports = exports;
    this.run('_initialize');
    const version = this.run('nearside_abi');
    if (version !== abiVersion) throw new NearsideError('version', `guest: module speaks ABI ${version}, want ${abiVersion}`);
  }

  /** Bytes of memory. */
  get size() {
    return this.#exports.memory.buffer.byteLength;
  }

  /** The address of a fresh buffer. @param {number} n bytes @throws {NearsideError} 'memory' */
  alloc(n) {
    const pointer = n <= maxFile ? this.run('nearside_alloc', n) >>> 0 : 0;
    if (pointer === 0 && n > 0) throw new NearsideError('memory', `guest: no room for ${n} bytes`);
    return pointer;
  }

  /** The address of a fresh buffer with these bytes in it. @param {Uint8Array} bytes */
  give(bytes) {
    const pointer = this.alloc(bytes.length);
    this.view(pointer, bytes.length).set(bytes);
    return pointer;
  }

  /** Gives a buffer back by passing it to a call that refuses it. @param {number} pointer */
  drop(pointer) {
    this.run('nearside_items', pointer, 0);
  }

  /**
   * Some of the memory, until the next call: growth detaches it.
   *
   * @param {number} pointer
   * @param {number} length
   */
  view(pointer, length) {
    return new Uint8Array(this.#exports.memory.buffer, pointer, length);
  }

  /**
   * @param {string} name
   * @param {...(number | bigint)} args
   * @returns {{status: number, answer: Uint8Array}} the answer is a view
   */
  call(name, ...args) {
    const status = this.run(name, ...args);
    const pointer = this.run('nearside_result') >>> 0;
    const length = this.run('nearside_result_len') >>> 0;
    return { status, answer: this.view(pointer, length) };
  }

  /** @param {string} name @param {...(number | bigint)} args */
  run(name, ...args) {
    if (this.#lost) throw new NearsideError('trap', 'guest: the module stopped in an earlier call');
    try {
      return this.#exports[name](...args);
    } catch (cause) {
      this.#lost = true;
      throw new NearsideError('trap', `guest: the module stopped in "${name}": ${cause}`, { cause });
    }
  }
}

/** One instance. It holds one bundle and serves one caller at a time. */
class Guest {
  #instance;

  /** @param {Instance} instance */
  constructor(instance) {
    this.#instance = instance;
  }

  /**
   * Verifies a bundle against a root or a state and opens it. A failed open
   * leaves the bundle before it in place.
   *
   * @param {Uint8Array} anchor a root, or the state of a channel
   * @param {Uint8Array} bundle both are copied
   * @param {number} now Unix seconds
   * @returns {Uint8Array | null} the state to store: this bundle is the last good
   *   one from now on; null when anchor is a root
   * @throws {NearsideError} 'root', 'syntax', 'signature', 'expired', 'version',
   *   'hash', 'layout', 'limit', 'known-answer', 'memory'; by a state also
   *   'rollback', 'mismatch', 'stopped', 'channel' and 'state'
   */
  open(anchor, bundle, now) {
    const receiver = this.receive(anchor, bundle.length, now);
    receiver.write(bundle);
    receiver.close();
    return receiver.state;
  }

  /**
   * Opens a bundle that is still arriving: as soon as what has come can answer,
   * and fully at its end. Each chunk is copied once, into the place where the
   * module uses it. Until then the bundle before it stays open.
   *
   *   await response.body.pipeTo(new WritableStream(guest.receive(root, size, now)));
   *
   * @param {Uint8Array} anchor a root, or the state of a channel
   * @param {number} size the file's bytes, as announced; 0 or NaN: not known
   * @param {number} now Unix seconds
   * @returns {Receiver}
   * @throws {NearsideError} 'memory'
   */
  receive(anchor, size, now) {
    return new Receiver(this.#instance, anchor, size || 0, now);
  }

  /** The module's memory, in bytes. It never shrinks. */
  get memory() {
    return this.#instance.size;
  }

  /** The manifest's bytes, exactly as they were signed. @throws {NearsideError} 'not-open' */
  manifest() {
    return check('manifest', this.#instance.call('nearside_manifest')).slice();
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
    const answer = decode(check('items', this.#pass('nearside_items', request)));
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
  recommend({ k, now, events, reasons, exclude, anyTags, noTags, unavailable, vector, seen, diversity = 0 }) {
    /** @type {[number, any][]} */
    const pairs = [
      [0, documentVersion],
      [1, k],
      [2, now],
      [3, events.map(({ item, kind, time, weight }) => [item, kinds.indexOf(kind), time, Math.round(weight * unit)])],
      [4, reasons],
      [5, exclude],
    ];
    /** @type {[number, any][]} */
    const lists = [[6, anyTags], [7, noTags], [8, unavailable], [9, vector && littleEndian(vector)]];
    pairs.push(...lists.filter(([, list]) => list?.length));
    if (seen != null) pairs.push([10, Number(seen)]);
    if (diversity !== 0) pairs.push([11, Math.round(diversity * unit)]);
    const answer = decode(check('recommend', this.#pass('nearside_recommend', document('recommend', pairs))));
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
        early: receipt.get(7) ?? false,
      },
    };
  }

  /**
   * Passes one document to one export and hands back what comes out, whatever
   * the status: for vectors and for callers with their own codec.
   *
   * @param {'nearside_items' | 'nearside_recommend' | 'nearside_follow'} name
   * @param {Uint8Array} request is copied
   * @returns {{status: number, answer: Uint8Array}} the answer is a copy
   * @throws {NearsideError} 'trap', 'memory'
   */
  call(name, request) {
    const { status, answer } = this.#pass(name, request);
    return { status, answer: answer.slice() };
  }

  /** @param {string} name @param {Uint8Array} request */
  #pass(name, request) {
    return this.#instance.call(name, this.#instance.give(request), request.length);
  }
}

/**
 * A bundle on its way into the module, see {@link Guest.receive}: the underlying
 * sink of a WritableStream, and as easily called by hand.
 *
 * Why is the announced size not trusted? A page does not see the
 * content-encoding of another origin's file, so the length that it sees may be
 * the compressed one. When more or less comes than announced, and when nothing
 * was announced, the chunks are collected and the bundle is opened as a whole at
 * the end, from a copy.
 */
class Receiver {
  #instance;
  #anchor;
  #size;
  #now;
  #have = 0;
  #needed = 1; // from how many bytes on a try is worth while
  #pointer = 0; // of the module's buffer for the file
  #anchorPointer = 0;
  #ours = false; // both buffers: no call has used them up
  /** @type {Uint8Array[] | undefined} */
  #chunks; // instead of the buffer
  #open = false;
  /** @type {Uint8Array | null} */
  #state = null;
  /** @type {NearsideError | undefined} */
  #failure;
  #done = false;

  /** @param {Instance} instance @param {Uint8Array} anchor @param {number} size @param {number} now */
  constructor(instance, anchor, size, now) {
    this.#instance = instance;
    this.#anchor = anchor.slice();
    this.#size = size;
    this.#now = BigInt(now);
    if (size === 0) this.#chunks = [];
    else this.#allocate(size);
  }

  /** Whether the bundle answers; before {@link close}, from the codes alone. */
  get open() {
    return this.#open;
  }

  /**
   * The state to store once the whole bundle is open, see open in {@link Guest};
   * null until then, and by a root.
   */
  get state() {
    return this.#state;
  }

  /**
   * Takes the next bytes of the file, and opens it when enough are there.
   *
   * @param {Uint8Array} chunk is copied; kept as it is when the file's size is
   *   not the announced one, so do not write to it again
   * @throws {NearsideError} what open in {@link Guest} throws, and then again
   *   for every chunk; 'closed' when another bundle has been opened meanwhile,
   *   or after abort
   */
  write(chunk) {
    this.#admit();
    if (this.#have + chunk.length > maxFile) this.#fail(new NearsideError('memory', `guest: receive: want at most ${maxFile} bytes`));
    if (!this.#chunks && this.#have + chunk.length > this.#size) this.#collect();
    if (this.#chunks) this.#chunks.push(chunk);
    else this.#instance.view(this.#pointer + this.#have, chunk.length).set(chunk);
    this.#have += chunk.length;
    // Only close knows that the last byte was the last one.
    if (!this.#open && !this.#chunks && this.#have >= this.#needed && this.#have < this.#size) this.#openEarly();
  }

  /**
   * The file has ended: verifies what is new in it. When that fails, a bundle
   * that was open already stays as it was, except after 'known-answer'.
   *
   * @throws {NearsideError} as write does
   */
  close() {
    if (this.#done && !this.#failure) return;
    this.#admit();
    try {
      if (this.#chunks || this.#have < this.#size) this.#openCopy();
      else if (this.#open) this.#state = stateOf(check('complete', this.#instance.call('nearside_complete')));
      else this.#use('nearside_open', this.#size);
    } catch (error) {
      this.#fail(error);
    }
    this.#end();
  }

  /** Gives up. A bundle that was open already goes on from the codes. */
  abort() {
    if (this.#done) return;
    this.#failure = closed();
    this.#end();
  }

  #admit() {
    if (this.#open && !this.#done && this.#instance.arriving !== this) {
      // The buffer went with the bundle: not one byte more may be written to it.
      this.#fail(new NearsideError('closed', 'guest: receive: another bundle was opened'));
    }
    if (this.#done) throw this.#failure ?? closed();
  }

  /** @param {any} error @returns {never} */
  #fail(error) {
    if (error.code === 'known-answer') this.#open = false;
    this.#failure = error;
    this.#end();
    throw error;
  }

  #end() {
    this.#done = true;
    this.#chunks = undefined;
    if (this.#instance.arriving === this) this.#instance.arriving = undefined;
    this.#release();
  }

  /** @param {number} size */
  #allocate(size) {
    this.#anchorPointer = this.#instance.give(this.#anchor);
    this.#pointer = this.#instance.alloc(size);
    this.#ours = true;
  }

  #release() {
    if (!this.#ours) return;
    this.#ours = false;
    this.#instance.drop(this.#anchorPointer);
    this.#instance.drop(this.#pointer);
  }

  #openEarly() {
    try {
      if (this.#use('nearside_open_early', this.#size, this.#have)) return;
    } catch (error) {
      // With a wrong size nothing stands where it should. Whether it is the size
      // or the bytes will show at the end, when the file is opened as a whole.
      const { code } = /** @type {any} */ (error);
      if (code !== 'syntax' && code !== 'hash') this.#fail(error);
      this.#collect();
      return;
    }
    const needed = this.#instance.run('nearside_needed') >>> 0;
    this.#needed = needed > this.#have ? needed : Infinity; // the announced size is wrong
  }

  /**
   * Opens what is in the buffers, or says that it is too early for that.
   *
   * @param {string} name
   * @param {...number} sizes
   */
  #use(name, ...sizes) {
    this.#ours = false;
    const result = this.#instance.call(name, this.#anchorPointer, this.#anchor.length, this.#pointer, ...sizes, this.#now);
    this.#ours = result.status === partial;
    if (this.#ours) return false;
    this.#state = stateOf(check('open', result));
    this.#open = true;
    this.#instance.arriving = this;
    return true;
  }

  /** Takes the bytes out of the module's buffer, since they do not fit it. */
  #collect() {
    this.#chunks = [this.#instance.view(this.#pointer, this.#have).slice()];
    this.#release();
  }

  #openCopy() {
    if (!this.#chunks) this.#collect();
    this.#allocate(this.#have);
    let at = this.#pointer;
    for (const chunk of /** @type {Uint8Array[]} */ (this.#chunks)) {
      this.#instance.view(at, chunk.length).set(chunk);
      at += chunk.length;
    }
    this.#use('nearside_open', this.#have);
  }
}

/**
 * @param {string} place
 * @param {{status: number, answer: Uint8Array}} result
 * @throws {NearsideError} unless the status is ok
 */
export function check(place, { status, answer }) {
  if (status === 0) return answer;
  throw new NearsideError(codes[status] ?? 'internal', `guest: ${place}: ${new TextDecoder().decode(answer)}`);
}

function closed() {
  return new NearsideError('closed', 'guest: receive: closed');
}

/** What an opened bundle leaves to store: a copy, or null for nothing. @param {Uint8Array} answer */
function stateOf(answer) {
  return answer.length > 0 ? answer.slice() : null;
}

/** @param {Float32Array} vector */
function littleEndian(vector) {
  const bytes = new DataView(new ArrayBuffer(vector.byteLength));
  vector.forEach((value, i) => bytes.setFloat32(4 * i, value, true));
  return new Uint8Array(bytes.buffer);
}

/**
 * A request's bytes.
 *
 * @param {string} place
 * @param {[number, any][]} pairs
 * @throws {NearsideError} 'request' for a value that no document can hold
 */
export function document(place, pairs) {
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
