// Turns the body of yesterday's bundle into that of today's: "Patches" in
// model/core/bundle/SPEC.md. model/publish/patch writes patches, and has this
// once more in Go.

import { decode, DocumentError } from './msgpack.js';

/** What applyPatch throws. */
export class PatchError extends Error {
  /**
   * @param {'document' | 'size' | 'old' | 'changes'} reason what is wrong: the
   *   document; how long the segments are; that one lies outside the old body;
   *   what is to be added
   * @param {string} want
   * @param {ErrorOptions} [options]
   */
  constructor(reason, want, options) {
    super(`patch: want ${want}`, options);
    this.name = 'PatchError';
    this.reason = reason;
  }
}

/**
 * Returns the new body. It takes no more memory than the arguments say,
 * whatever the patch holds. Whether the result is right its hashes say, which
 * the caller compares.
 *
 * @param {Uint8Array} old the sections of the bundle that is there, one after
 *   the other
 * @param {Uint8Array} patch bytes whose hash was right
 * @param {number} size of the new body, in bytes
 * @returns {Promise<Uint8Array>}
 * @throws {PatchError}
 */
export async function applyPatch(old, patch, size) {
  const { segments, changes } = read(patch);
  let left = size;
  for (const [start, length] of segments) {
    if ((left -= length) < 0) break;
    if (start > 0 && start - 1 + length > old.length) throw new PatchError('old', 'segments that lie within the old body');
  }
  if (left !== 0) throw new PatchError('size', 'segments that are as long as the new body together');
  const body = await unpack(changes, size);
  let at = 0;
  for (const [start, length] of segments) {
    if (start > 0) for (let i = 0, from = start - 1; i < length; i++) body[at + i] += old[from + i];
    at += length;
  }
  return body;
}

/**
 * @param {Uint8Array} patch
 * @returns {{segments: [number, number][], changes: Uint8Array}}
 */
function read(patch) {
  const uint = (/** @type {any} */ n) => Number.isSafeInteger(n) && n >= 0;
  let top;
  try {
    top = decode(patch);
  } catch (cause) {
    if (!(cause instanceof DocumentError)) throw cause;
    throw new PatchError('document', `a document: ${cause.message}`, { cause });
  }
  const keys = top instanceof Map ? [...top.keys()] : [];
  const [segments, changes] = keys.length > 0 ? [top.get(1), top.get(2)] : [];
  if (
    keys.some((key) => key > 2 && key < 64) || keys.length === 0 || top.get(0) !== 'patch' || !(changes instanceof Uint8Array) ||
    !Array.isArray(segments) || !segments.every((s) => Array.isArray(s) && s.length === 2 && s.every(uint))
  ) {
    throw new PatchError('document', 'a patch, segments of a start and a length, and changes');
  }
  return { segments, changes };
}

/**
 * @param {Uint8Array} packed
 * @param {number} size
 * @returns {Promise<Uint8Array>}
 */
async function unpack(packed, size) {
  const wrong = (/** @type {ErrorOptions} */ options) =>
    new PatchError('changes', 'changes in one gzip stream that is as long as the new body unpacked', options);
  const body = new Uint8Array(size);
  const stream = new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (packed)]).stream();
  const reader = stream.pipeThrough(new DecompressionStream('gzip')).getReader();
  let at = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (value.length > size - at) {
        await reader.cancel();
        throw wrong({});
      }
      body.set(value, at);
      at += value.length;
    }
  } catch (cause) {
    throw cause instanceof PatchError ? cause : wrong({ cause });
  }
  if (at !== size) throw wrong({});
  return body;
}
