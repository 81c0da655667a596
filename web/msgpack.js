// Documents are in the canonical msgpack subset of model/core/bundle/SPEC.md:
// maps have ascending unsigned keys, integers are shortest-form, there are no
// floats and no nil. A host may encode with any msgpack library that can do so;
// this is the one that nearside brings along.
//
//   msgpack            JavaScript
//   unsigned, signed   number; bigint beyond ±(2⁵³ − 1)
//   bool               boolean
//   str                string
//   bin                Uint8Array
//   array              Array
//   map                Map with keys 0 … 2³² − 1, in ascending order

/** How deep arrays and maps may be nested. No document of SPEC.md or ABI.md comes near. */
export const maxDepth = 16;

/** What decode throws: the bytes are not one document of the subset. */
export class DocumentError extends Error {
  /**
   * @param {number} offset of the byte that was not expected
   * @param {string} want
   */
  constructor(offset, want) {
    super(`msgpack: byte ${offset}: want ${want}`);
    this.name = 'DocumentError';
    this.offset = offset;
  }
}

/** What does not fit in fewer than 1, 2, 4 and 8 bytes: the least, and below zero the most. */
const bounds = [0x80, 2 ** 8, 2 ** 16, 2 ** 32, 0x21, 2 ** 7 + 1, 2 ** 15 + 1, 2 ** 31 + 1];

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const toUTF8 = new TextEncoder();

/**
 * Reads exactly one document. Whatever decode accepts, encode turns into the
 * same bytes again.
 *
 * @param {Uint8Array} bytes
 * @returns {any} see the table above; a Uint8Array in it is a view of bytes
 * @throws {DocumentError} also for trailing bytes
 */
export function decode(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;

  /** Sees that there are n more bytes. @param {number} n */
  function room(n) {
    if (n > bytes.length - at) throw new DocumentError(bytes.length, `${n - (bytes.length - at)} more bytes`);
  }

  /** The start of the next n bytes, which are passed over. @param {number} n */
  function take(n) {
    room(n);
    at += n;
    return at - n;
  }

  /** An unsigned integer of 1, 2, 4 or 8 bytes. @param {number} size */
  function unsigned(size) {
    const from = take(size);
    if (size === 1) return view.getUint8(from);
    if (size === 2) return view.getUint16(from);
    if (size === 4) return view.getUint32(from);
    return narrow(view.getBigUint64(from));
  }

  /** A negative integer of 1, 2, 4 or 8 bytes. @param {number} size */
  function negative(size) {
    const from = take(size);
    if (size === 1) return view.getInt8(from);
    if (size === 2) return view.getInt16(from);
    if (size === 4) return view.getInt32(from);
    return narrow(view.getBigInt64(from));
  }

  /** A length in 2^power bytes, which must not fit in fewer. @param {number} power @param {number} [least] */
  function length(power, least = power && bounds[power]) {
    const from = at;
    const n = Number(unsigned(1 << power));
    if (n < least) throw new DocumentError(from, 'a length in its shortest form');
    return n;
  }

  /** @param {number} n */
  function string(n) {
    const from = take(n);
    try {
      return utf8.decode(bytes.subarray(from, from + n));
    } catch {
      throw new DocumentError(from, 'valid UTF-8');
    }
  }

  /** @param {number} n */
  function binary(n) {
    const from = take(n);
    return bytes.subarray(from, from + n);
  }

  /** n elements; each takes a byte at least. @param {number} n @param {number} depth */
  function array(n, depth) {
    room(n);
    const list = [];
    for (let i = 0; i < n; i++) list.push(value(depth));
    return list;
  }

  /** n pairs; each takes two bytes at least. @param {number} n @param {number} depth */
  function map(n, depth) {
    room(2 * n);
    const pairs = new Map();
    let last = -1;
    for (let i = 0; i < n; i++) {
      const from = at;
      const key = value(depth);
      if (!isKey(key) || key <= last) throw new DocumentError(from, `a key above ${last}`);
      pairs.set((last = key), value(depth));
    }
    return pairs;
  }

  /** @param {number} depth @returns {any} */
  function value(depth) {
    const from = take(1);
    const byte = bytes[from];
    if (byte <= 0x7f) return byte;
    if (byte >= 0xe0) return byte - 0x100;
    if (byte <= 0x9f || (byte >= 0xdc && byte <= 0xdf)) {
      if (depth === 0) throw new DocumentError(from, `at most ${maxDepth} levels`);
      const n = byte <= 0x9f ? byte & 0x0f : length(1 + (byte & 1), byte & 1 ? 2 ** 16 : 16);
      return byte <= 0x8f || byte >= 0xde ? map(n, depth - 1) : array(n, depth - 1);
    }
    if (byte <= 0xbf) return string(byte & 0x1f);
    if (byte === 0xc2 || byte === 0xc3) return byte === 0xc3;
    if (byte >= 0xc4 && byte <= 0xc6) return binary(length(byte - 0xc4));
    const power = byte & 3;
    if (byte >= 0xcc && byte <= 0xcf) return shortest(unsigned(1 << power), bounds[power], from);
    if (byte >= 0xd0 && byte <= 0xd3) return shortest(negative(1 << power), -bounds[power + 4], from);
    if (byte >= 0xd9 && byte <= 0xdb) return string(length(byte - 0xd9, byte === 0xd9 ? 32 : undefined));
    throw new DocumentError(from, 'an integer, bool, str, bin, array or map');
  }

  const document = value(maxDepth);
  if (at !== bytes.length) throw new DocumentError(at, 'the end');
  return document;
}

/**
 * n, when it is bound or further from zero: otherwise it would fit in fewer
 * bytes.
 *
 * @param {number | bigint} n
 * @param {number} bound
 * @param {number} offset
 */
function shortest(n, bound, offset) {
  if (bound > 0 ? n < bound : n > bound) throw new DocumentError(offset, 'an integer in its shortest form');
  return n;
}

/** @param {any} key */
function isKey(key) {
  return Number.isInteger(key) && key >= 0 && key < 2 ** 32;
}

/** A number when that is exact. @param {bigint} n */
function narrow(n) {
  const number = Number(n);
  return Number.isSafeInteger(number) ? number : n;
}

/**
 * Writes one document.
 *
 * @param {any} document see the table above; a Map's keys must be unsigned and
 *   ascend
 * @returns {Uint8Array}
 * @throws {TypeError} for anything that the subset does not have: null,
 *   undefined, fractions, lone surrogates, integers beyond 64 bits
 */
export function encode(document) {
  let bytes = new Uint8Array(256);
  let view = new DataView(bytes.buffer);
  let at = 0;

  /** The start of n fresh bytes. @param {number} n */
  function grow(n) {
    if (at + n > bytes.length) {
      const larger = new Uint8Array(Math.max(2 * bytes.length, at + n));
      larger.set(bytes);
      bytes = larger;
      view = new DataView(bytes.buffer);
    }
    at += n;
    return at - n;
  }

  /** A format byte and an unsigned integer. @param {number} format @param {number} size @param {number} n */
  function head(format, size, n) {
    const from = grow(1 + size);
    bytes[from] = format;
    if (size === 1) view.setUint8(from + 1, n);
    if (size === 2) view.setUint16(from + 1, n);
    if (size === 4) view.setUint32(from + 1, n);
  }

  /**
   * A format and a number in the fewest bytes: in the format byte itself below a
   * bound, or else in one, two or four. Format 0: there is none for one byte.
   *
   * @param {number} n @param {number} fixed @param {number} bound @param {number} one @param {number} two
   */
  function short(n, fixed, bound, one, two) {
    if (n < bound) head(fixed + n, 0, 0);
    else if (one && n < 2 ** 8) head(one, 1, n);
    else if (n < 2 ** 16) head(two, 2, n);
    else head(two + 1, 4, n);
  }

  /** @param {number | bigint} n */
  function integer(n) {
    if (n >= 2n ** 64n || n < -(2n ** 63n)) throw new TypeError(`msgpack: cannot encode ${n}: want at most 64 bits`);
    if (n >= 2 ** 32) wide(0xcf, BigInt(n));
    else if (n >= 0) short(Number(n), 0, 0x80, 0xcc, 0xcd);
    else if (n >= -0x20) head(0x100 + Number(n), 0, 0);
    else if (n >= -(2 ** 7)) head(0xd0, 1, Number(n));
    else if (n >= -(2 ** 15)) head(0xd1, 2, Number(n));
    else if (n >= -(2 ** 31)) head(0xd2, 4, Number(n));
    else wide(0xd3, BigInt(n));
  }

  /** A format byte and an integer of 8 bytes. @param {number} format @param {bigint} n */
  function wide(format, n) {
    const from = grow(9);
    bytes[from] = format;
    view.setBigUint64(from + 1, n);
  }

  /** @param {Uint8Array} content */
  function append(content) {
    const from = grow(content.length);
    bytes.set(content, from);
  }

  /** @param {any} value */
  function write(value) {
    if (typeof value === 'bigint' || Number.isSafeInteger(value)) integer(value);
    else if (typeof value === 'boolean') head(value ? 0xc3 : 0xc2, 0, 0);
    else if (typeof value === 'string') {
      if (!value.isWellFormed()) throw new TypeError(`msgpack: cannot encode ${JSON.stringify(value)}: want valid UTF-16`);
      const text = toUTF8.encode(value);
      short(text.length, 0xa0, 32, 0xd9, 0xda);
      append(text);
    } else if (value instanceof Uint8Array) {
      short(value.length, 0, 0, 0xc4, 0xc5);
      append(value);
    } else if (Array.isArray(value)) {
      short(value.length, 0x90, 16, 0, 0xdc);
      value.forEach(write);
    } else if (value instanceof Map) {
      short(value.size, 0x80, 16, 0, 0xde);
      let last = -1;
      for (const [key, element] of value) {
        if (!isKey(key) || key <= last) throw new TypeError(`msgpack: cannot encode key ${String(key)}: want one above ${last}`);
        write((last = key));
        write(element);
      }
    } else throw new TypeError(`msgpack: cannot encode ${String(value)}: want an integer, boolean, string, Uint8Array, Array or Map`);
  }

  write(document);
  return bytes.subarray(0, at);
}
