// Runs the vectors of testdata/ against one engine: Node's tests and
// Chromium's both do.

import { codes, instantiate, NearsideError, toHex } from '../guest.js';

/**
 * @typedef {(name: string) => Promise<Uint8Array>} Files reads a file beside the vector
 *
 * @typedef {object} Vector
 * @property {string} root
 * @property {string} bundle
 * @property {number} now
 * @property {{name: string, export: 'nearside_items' | 'nearside_recommend', request: string, status: number, answer: string}[]} calls
 *
 * @typedef {object} Bad a bundle with one change
 * @property {string} name
 * @property {string} root
 * @property {string} bundle
 * @property {number} now
 * @property {number} [flip] this bit of the bundle is inverted
 * @property {number} [truncate] only so many bytes of it
 * @property {number} status
 */

/**
 * Makes every call of a vector.
 *
 * @param {BufferSource | WebAssembly.Module} wasm
 * @param {Vector} vector
 * @param {Files} files
 * @returns {Promise<string[]>} a line for each answer that differs
 */
export async function runVector(wasm, vector, files) {
  const guest = await instantiate(wasm);
  guest.open(await files(vector.root), await files(vector.bundle), vector.now);
  return vector.calls.flatMap((call) => {
    const { status, answer } = guest.call(call.export, fromHex(call.request));
    const got = status === 0 ? toHex(answer) : '';
    return status === call.status && got === call.answer ? [] : [`${call.name}: got ${status} ${got}, want ${call.status} ${call.answer}`];
  });
}

/**
 * Opens every bad bundle, all in one instance.
 *
 * @param {BufferSource | WebAssembly.Module} wasm
 * @param {Bad[]} list
 * @param {Files} files
 * @returns {Promise<string[]>} a line for each verdict that differs
 */
export async function runBad(wasm, list, files) {
  const guest = await instantiate(wasm);
  const differences = [];
  for (const { name, root, bundle, now, flip, truncate, status } of list) {
    const bytes = (await files(bundle)).slice(0, truncate);
    if (flip !== undefined) bytes[flip >> 3] ^= 1 << (flip & 7);
    let got = 'ok';
    try {
      guest.open(await files(root), bytes, now);
    } catch (error) {
      if (!(error instanceof NearsideError)) throw error;
      got = error.code;
    }
    if (got !== codes[status]) differences.push(`${name}, flip ${flip}, truncate ${truncate}: got ${got}, want ${codes[status]}`);
  }
  return differences;
}

/** @param {string} text */
export function fromHex(text) {
  return new Uint8Array((text.match(/../g) ?? []).map((byte) => parseInt(byte, 16)));
}
