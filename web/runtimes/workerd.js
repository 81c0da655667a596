// nearside in workerd, which compiles a module when the worker is deployed and
// never later.

// @ts-expect-error What this import gives is for the runtime to say: here a WebAssembly.Module.
import module from '../nearside.wasm';
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
  return openIn(module, options);
}
