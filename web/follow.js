// Following a channel, as the module says: "Following a channel" in wasm/ABI.md.

import { check, document, toHex } from './guest.js';
import { decode } from './msgpack.js';

/**
 * @typedef {object} Followed a file of a channel, and what the device knows besides
 * @property {Uint8Array} anchor the state, or to begin with the root that the
 *   caller trusts
 * @property {string} [channel] its name, when anchor is a root
 * @property {number} now Unix seconds
 * @property {string} [name] of the file; left out at first
 * @property {Uint8Array} [file] its bytes; left out at first
 * @property {Uint8Array} [module] SHA-256 of the module, 32 bytes; left out: not
 *   known, which suits no manifest that names some
 * @property {boolean} [lost] the bundle that was opened last is lost, and wanted again
 *
 * @typedef {object} Step what comes of it
 * @property {Uint8Array} state to be stored before anything else
 * @property {string} want name of the next file, relative to the channel's
 *   folder; '': none
 * @property {number} max bytes that it may have
 * @property {Patch[]} patches to the release that the head names
 * @property {Release | null} release to be put together; null: there is none, or
 *   not yet
 *
 * @typedef {object} Patch
 * @property {string} from hex SHA-256 of the manifest that it starts from
 * @property {number} bytes
 * @property {string} digest hex SHA-256 of the file, and its name
 *
 * @typedef {object} Release how the file of a bundle is made of chunks
 * @property {number} version
 * @property {string} manifest its SHA-256, in hex
 * @property {{head: Uint8Array, bytes: number}[]} sections what stands before
 *   each in the file, and its length
 * @property {Uint8Array} leaves hashes of the sections' leaves, 32 bytes each, in
 *   the file's order
 */

const documentVersion = 1;
const nothing = new Uint8Array(0);

/**
 * Takes one file of a channel and says what comes next. The caller stores the
 * state of the answer, durably, and only then goes on: until want is '' it
 * fetches that file and calls again. The call holds nothing, and on error the
 * state is as it was.
 *
 * @param {Awaited<ReturnType<typeof import('./guest.js').instantiate>>} guest
 * @param {Followed} followed
 * @returns {Step}
 * @throws {NearsideError} 'root', 'state', 'envelope', 'head', 'syntax', 'size',
 *   'signature', 'threshold', 'root-version', 'root-expired', 'head-expired',
 *   'expired', 'channel', 'rollback', 'replaced', 'fast-forward', 'mismatch',
 *   'stopped', 'log', 'module', 'version', 'hash', 'request'
 */
export function follow(guest, { anchor, channel = '', now, name = '', file = nothing, module, lost = false }) {
  /** @type {[number, any][]} */
  const pairs = [[0, documentVersion], [1, anchor], [2, now], [3, name], [4, file]];
  if (module) pairs.push([5, module]);
  pairs.push([6, channel], [7, lost]);
  // What is bytes in it is a view of the answer's copy.
  const answer = decode(check('follow', guest.call('nearside_follow', document('follow', pairs))));
  const release = answer.get(5);
  return {
    state: answer.get(1).slice(), // is stored, and a view would take all of the answer along
    want: answer.get(2),
    max: answer.get(3),
    patches: answer.get(4).map((/** @type {any[]} */ [from, bytes, digest]) => ({ from: toHex(from), bytes, digest: toHex(digest) })),
    release: release
      ? {
          version: release.get(0),
          manifest: toHex(release.get(1)),
          sections: release.get(2).map((/** @type {any[]} */ [head, bytes]) => ({ head, bytes })),
          leaves: release.get(3),
        }
      : null,
  };
}
