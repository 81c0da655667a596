// What page, worker and module agree on: the words of wasm/ABI.md, and errors
// that carry them.

/** The status codes of ABI.md, in order: `codes[8]` is 'signature'. */
export const codes = /* @__PURE__ */ (
  'ok internal not-open memory request limit syntax root signature expired version hash layout known-answer partial state head envelope size ' +
  'threshold root-version root-expired head-expired channel rollback replaced fast-forward mismatch stopped log module'
).split(' ');

/** The words for what a person did with an item; the index is the ABI's number. */
export const kinds = /* @__PURE__ */ 'unknown view click like buy hide'.split(' ');

/**
 * What nearside throws. `code` is the word to act on: one of {@link codes}, or
 *
 * - 'module', besides what ABI.md says: the file is not a sealed nearside module,
 *   or may not be compiled here
 * - 'trap': the module stopped in the middle of a call; the instance is lost
 * - 'network', 'aborted', 'closed', 'lost', 'storage', 'insecure': see open in nearside.js
 */
export class NearsideError extends Error {
  /**
   * @param {string} code
   * @param {string} message place first, in lower case
   * @param {ErrorOptions} [options]
   */
  constructor(code, message, options) {
    super(message, options);
    this.name = 'NearsideError';
    this.code = code;
  }
}

/**
 * Runs a WebAssembly compilation, and says which file it was about when it
 * fails.
 *
 * @template T
 * @param {() => Promise<T>} run
 * @returns {Promise<T>}
 * @throws {NearsideError} 'module'
 */
export async function compile(run) {
  try {
    return await run();
  } catch (cause) {
    if (!(cause instanceof WebAssembly.CompileError)) throw cause;
    throw new NearsideError('module', `guest: module does not compile: ${cause.message}`, { cause });
  }
}

/** Unix seconds, as all documents have them. */
export function unixNow() {
  return Math.floor(Date.now() / 1000);
}
