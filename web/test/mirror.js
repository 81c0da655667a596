// The channel of testdata/channel, as a mirror has it.

import { readdirSync, readFileSync } from 'node:fs';

const channel = new URL('../../testdata/channel/', import.meta.url);

/** @typedef {Map<string, Uint8Array>} Files by name in the channel's folder */

export const name = 'test/news';
export const now = 1_800_001_000;
export const root = read('before/root.nsr');

/** @param {string} path in testdata/channel */
export function read(path) {
  return new Uint8Array(readFileSync(new URL(path, channel)));
}

/**
 * The channel as it stands, with files of other folders in the place of its own.
 *
 * @param {...string} folders 'before': with the first release and under the first
 *   root; 'other-signers', 'first-stopped', 'all-stopped', 'later', 'miscomputes',
 *   'for-a-module', 'no-neighbours'
 * @returns {Files}
 */
export function news(...folders) {
  /** @type {Files} */
  const files = new Map();
  for (const folder of ['news', ...folders]) {
    for (const name of /** @type {string[]} */ (readdirSync(new URL(`${folder}/`, channel), { recursive: true }))) {
      if (/\.ns.$|^(chunks|patches)\/./.test(name)) files.set(name, read(`${folder}/${name}`));
    }
  }
  return files;
}
