// Who may sign: the ids of a root's keys, as SPEC.md has them.

import { toHex } from './sdk/guest.js';
import { decode } from './sdk/msgpack.js';

/**
 * @param {ArrayBuffer} root
 * @returns {Promise<{ids: string[], threshold: number} | null>} null for a root in
 *   an envelope, and where the browser does not hash
 */
export async function readKeys(root) {
  const top = decode(new Uint8Array(root));
  if (!(top instanceof Map) || top.get(0) !== 'root' || !crypto.subtle) return null;
  const role = top.get(4)?.get(1);
  const keys = top.get(3).filter((/** @type {any} */ _, /** @type {number} */ place) => !role || role.get(1).includes(place));
  const ids = keys.map(async (/** @type {Map<number, Uint8Array>} */ key) => {
    const name = new TextEncoder().encode('nearside-key/v1');
    const parts = [name, /** @type {Uint8Array} */ (key.get(0)), /** @type {Uint8Array} */ (key.get(1))];
    return (await sha256(await new Blob(/** @type {BlobPart[]} */ (parts)).arrayBuffer())).slice(0, 32);
  });
  return { ids: await Promise.all(ids), threshold: role?.get(0) ?? 1 };
}

/** @param {ArrayBuffer} bytes @returns {Promise<string>} in hex */
export async function sha256(bytes) {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}
