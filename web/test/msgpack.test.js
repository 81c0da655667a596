import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode, DocumentError, maxDepth } from '../msgpack.js';

/** @param {Uint8Array} bytes */
const hex = (bytes) => Buffer.from(bytes).toString('hex');

/** @param {string} text */
const unhex = (text) => new Uint8Array(Buffer.from(text, 'hex'));

// Every form at both of its edges, as the msgpack specification writes them:
// https://github.com/msgpack/msgpack/blob/master/spec.md
/** @type {[string, any][]} */
const scalars = [
  ['00', 0],
  ['7f', 127],
  ['cc80', 128],
  ['ccff', 255],
  ['cd0100', 256],
  ['cdffff', 65535],
  ['ce00010000', 65536],
  ['ceffffffff', 2 ** 32 - 1],
  ['cf0000000100000000', 2 ** 32],
  ['cf001fffffffffffff', Number.MAX_SAFE_INTEGER],
  ['cf0020000000000000', 2n ** 53n],
  ['cfffffffffffffffff', 2n ** 64n - 1n],
  ['ff', -1],
  ['e0', -32],
  ['d0df', -33],
  ['d080', -128],
  ['d1ff7f', -129],
  ['d18000', -32768],
  ['d2ffff7fff', -32769],
  ['d280000000', -(2 ** 31)],
  ['d3ffffffff7fffffff', -(2 ** 31) - 1],
  ['d3ffe0000000000001', Number.MIN_SAFE_INTEGER],
  ['d3ffe0000000000000', -(2n ** 53n)],
  ['d38000000000000000', -(2n ** 63n)],
  ['c2', false],
  ['c3', true],
  ['a0', ''],
  ['a3e282ac', '€'],
  ['a4f09f8cb1', '\u{1f331}'],
  ['a3efbbbf', '\ufeff'],
];

test('every scalar form reads and writes at its edges', () => {
  for (const [want, value] of scalars) {
    assert.equal(hex(encode(value)), want, `encode ${value}`);
    assert.deepEqual(decode(unhex(want)), value, `decode ${want}`);
  }
});

test('lengths are shortest-form at their edges', () => {
  /** @type {[(n: number) => any, number, string][]} */
  const rows = [
    [(n) => 'x'.repeat(n), 31, 'bf'],
    [(n) => 'x'.repeat(n), 32, 'd920'],
    [(n) => 'x'.repeat(n), 255, 'd9ff'],
    [(n) => 'x'.repeat(n), 256, 'da0100'],
    [(n) => 'x'.repeat(n), 65535, 'daffff'],
    [(n) => 'x'.repeat(n), 65536, 'db00010000'],
    [(n) => new Uint8Array(n), 0, 'c400'],
    [(n) => new Uint8Array(n), 255, 'c4ff'],
    [(n) => new Uint8Array(n), 256, 'c50100'],
    [(n) => new Uint8Array(n), 65536, 'c600010000'],
    [(n) => Array(n).fill(0), 15, '9f'],
    [(n) => Array(n).fill(0), 16, 'dc0010'],
    [(n) => Array(n).fill(0), 65536, 'dd00010000'],
    [(n) => new Map(Array.from({ length: n }, (_, i) => [i, 0])), 15, '8f'],
    [(n) => new Map(Array.from({ length: n }, (_, i) => [i, 0])), 16, 'de0010'],
    [(n) => new Map(Array.from({ length: n }, (_, i) => [i, 0])), 65536, 'df00010000'],
  ];
  for (const [make, n, head] of rows) {
    const value = make(n);
    const bytes = encode(value);
    assert.equal(hex(bytes.subarray(0, head.length / 2)), head, `head of ${n}`);
    assert.deepEqual(decode(bytes), value, `round trip of ${n}`);
  }
});

test('what is not canonical is refused, with the place', () => {
  /** @type {[string, number][]} */
  const rows = [
    ['', 0],
    ['0000', 1],
    ['c0', 0],
    ['c1', 0],
    ['ca00000000', 0],
    ['cb0000000000000000', 0],
    ['c70100', 0],
    ['d400', 0],
    ['cc7f', 0],
    ['cd00ff', 0],
    ['ce0000ffff', 0],
    ['cf00000000ffffffff', 0],
    ['d0e0', 0],
    ['d000', 0],
    ['d1ff80', 0],
    ['d2ffff8000', 0],
    ['d3ffffffff80000000', 0],
    ['d91f', 1],
    ['da00ff', 1],
    ['db0000ffff', 1],
    ['c500ff', 1],
    ['c60000ffff', 1],
    ['dc000f', 1],
    ['dd0000ffff', 1],
    ['de000f', 1],
    ['df0000ffff', 1],
    ['a1ff', 1],
    ['a3eda080', 1],
    ['81a100', 1],
    ['81ff00', 1],
    ['8200000000', 3],
    ['8201000000', 3],
    ['81cf000000010000000000', 1],
  ];
  for (const [bytes, offset] of rows) {
    assert.throws(
      () => decode(unhex(bytes)),
      (error) => error instanceof DocumentError && error.offset === offset,
      `decode ${bytes}`,
    );
  }
});

test('a count is checked against the bytes that remain before anything is allocated', () => {
  for (const bytes of ['ddffffffff', 'dfffffffff', 'dbffffffff', 'c6ffffffff', '92', '8100', 'a2ff']) {
    assert.throws(() => decode(unhex(bytes)), DocumentError, `decode ${bytes}`);
  }
});

test('nesting stops at maxDepth', () => {
  assert.doesNotThrow(() => decode(unhex('91'.repeat(maxDepth) + '00')));
  assert.throws(() => decode(unhex('91'.repeat(maxDepth + 1) + '00')), DocumentError);
  assert.throws(() => decode(unhex('91'.repeat(2_000_000))), DocumentError);
});

const document = new Map([
  [0, 1],
  [2, [-5, 'Le Fabuleux Destin d’Amélie', true, new Uint8Array([1, 2, 3])]],
  [64, new Map([[7, 2n ** 63n]])],
]);

test('a document cut at any byte is refused', () => {
  const bytes = encode(document);
  for (let n = 0; n < bytes.length; n++) {
    assert.throws(() => decode(bytes.subarray(0, n)), DocumentError, `the first ${n} bytes`);
  }
});

test('what decodes re-encodes to the same bytes, whichever bit is flipped', () => {
  const bytes = encode(document);
  assert.deepEqual(decode(bytes), document);
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3] ^= 1 << (bit & 7);
    let value;
    try {
      value = decode(flipped);
    } catch (error) {
      assert.ok(error instanceof DocumentError, `bit ${bit}: ${error}`);
      continue;
    }
    assert.equal(hex(encode(value)), hex(flipped), `bit ${bit}`);
  }
});

test('what the subset does not have is not written', () => {
  const refused = [null, undefined, 0.5, NaN, Infinity, 2 ** 53, 2n ** 64n, -(2n ** 63n) - 1n, '\ud800', {}, () => 0, Symbol('x')];
  for (const value of refused) {
    assert.throws(() => encode(value), TypeError, `encode ${String(value)}`);
    assert.throws(() => encode([value]), TypeError, `encode [${String(value)}]`);
  }
  for (const keys of [[-1], [0.5], ['0'], [1, 0], [2 ** 32]]) {
    assert.throws(() => encode(new Map(keys.map((key) => [key, 0]))), TypeError, `keys ${keys}`);
  }
});

test('decoded bytes are a view of the document, and a view decodes like a copy', () => {
  const padded = unhex('ffff' + 'c4020102');
  const bin = decode(padded.subarray(2));
  assert.deepEqual(bin, unhex('0102'));
  assert.equal(bin.buffer, padded.buffer);
});
