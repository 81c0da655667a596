// nearside in Node, and in what reads files as Node does.

// @ts-expect-error The types of Node are not among the tools of this folder.
import { readFile } from 'node:fs/promises';
import { NearsideError } from '../guest.js';
import { openIn } from './recommender.js';

export { NearsideError };

/**
 * @typedef {import('./recommender.js').Options} Options
 * @typedef {import('./recommender.js').Recommender} Recommender
 * @typedef {import('./recommender.js').Recommendations} Recommendations
 * @typedef {import('./recommender.js').Request} Request
 */

/**
 * Verifies a bundle with the packaged module and opens it.
 *
 * @param {Options} options
 * @returns {Promise<Recommender>}
 * @throws {NearsideError} 'signature', 'expired' and the other words of ABI.md
 *   when the files are not in order
 */
export async function open(options) {
  return openIn(await readFile(new URL('../nearside.wasm', import.meta.url)), options);
}
