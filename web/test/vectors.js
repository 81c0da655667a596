// Runs the vectors of testdata/ against one engine: Node's tests and
// Chromium's both do.

import { follow } from '../follow.js';
import { codes, instantiate, NearsideError, toHex } from '../guest.js';

/** The channel of all attacks. */
const channel = 'test/news';

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
 *
 * @typedef {object} Attack on a device that follows a channel
 * @property {string} name
 * @property {string} anchor the file of a root or a state
 * @property {{name?: string, file?: string, bundle?: string, now: number, module?: string, lost?: boolean, want?: string}[]} calls
 *   each follows to a file, or opens a bundle, with the state of the one before;
 *   module is in hex, want the file that it leads to
 * @property {string} status of the last call, a word of ABI.md; those before it are ok
 * @property {string} state SHA-256 of the state that the last call which was ok
 *   has left, in hex; '' when none was
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

/**
 * Carries out attacks, all on one instance.
 *
 * @param {BufferSource | WebAssembly.Module} wasm
 * @param {Attack[]} list
 * @param {Files} files
 * @returns {Promise<string[]>} a line for each verdict that differs
 */
export async function runAttacks(wasm, list, files) {
  const guest = await instantiate(wasm);
  const differences = [];
  for (const { name: attack, anchor, calls, status, state } of list) {
    let current = await files(anchor);
    let [got, reached] = ['ok', ''];
    for (const [i, { name, file, bundle, now, module, lost, want = '' }] of calls.entries()) {
      const bytes = bundle ?? file ? await files(bundle ?? file ?? '') : undefined;
      try {
        if (bundle) current = guest.open(current, /** @type {Uint8Array} */ (bytes), now) ?? current;
        else {
          const step = follow(guest, { anchor: current, channel, now, name, file: bytes, lost, module: module ? fromHex(module) : undefined });
          current = step.state;
          if (step.want !== want) differences.push(`${attack}: call ${i} leads to ${step.want}, want ${want}`);
        }
        reached = toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(current))));
      } catch (error) {
        if (!(error instanceof NearsideError)) throw error;
        got = i === calls.length - 1 ? error.code : `${error.code} in call ${i}`;
        break;
      }
    }
    if (got !== status || reached !== state) differences.push(`${attack}: got ${got} and the state ${reached}, want ${status} and ${state}`);
  }
  return differences;
}

/** @param {string} text */
export function fromHex(text) {
  return new Uint8Array((text.match(/../g) ?? []).map((byte) => parseInt(byte, 16)));
}
