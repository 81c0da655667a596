// WebAssembly modules of a few bytes: what guest.js must refuse, or must survive.

/** @param {number} id @param {number[]} content */
const section = (id, content) => [id, content.length, ...content];

/** @param {number[][]} entries */
const vector = (entries) => [entries.length, ...entries.flat()];

/** @param {string} text */
const name = (text) => [text.length, ...Buffer.from(text)];

export const unreachable = [0x00];

/**
 * A module with a memory, `_initialize` and `nearside_abi`.
 *
 * @param {object} options
 * @param {number} [options.abi] what nearside_abi returns
 * @param {number[]} [options.initialize] the body of _initialize
 * @param {boolean} [options.imports] whether it imports a function
 */
export function tinyModule({ abi = 5, initialize = [], imports = false } = {}) {
  const first = imports ? 1 : 0;
  const body = (/** @type {number[]} */ code) => [code.length + 2, 0x00, ...code, 0x0b];
  return new Uint8Array([
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
    ...section(1, vector([[0x60, 0, 0], [0x60, 0, 1, 0x7f]])),
    ...(imports ? section(2, vector([[...name('env'), ...name('log'), 0x00, 0]])) : []),
    ...section(3, vector([[0], [1]])),
    ...section(5, vector([[0x00, 1]])),
    ...section(7, vector([
      [...name('memory'), 0x02, 0],
      [...name('_initialize'), 0x00, first],
      [...name('nearside_abi'), 0x00, first + 1],
    ])),
    ...section(10, vector([body(initialize), body([0x41, abi])])),
  ]);
}
