// nearside in Deno, from disk or from where this file came.

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
  return openIn(await (await fetch(new URL('../nearside.wasm', import.meta.url))).arrayBuffer(), options);
}
