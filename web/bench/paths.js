// Where the harness finds and keeps files. Node only.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sizeOf } from './report.js';

export const bench = dirname(fileURLToPath(import.meta.url));
export const modules = join(bench, 'node_modules');
/** Not in node_modules, which npm ci empties. */
export const cache = join(bench, '..', '..', '.cache', 'peers');

/** A file of a peer's `files`. @param {string} path */
export function filePath(path) {
  if (path === 'nearside.wasm') return join(bench, '..', '..', 'wasm', 'bin', path);
  if (path === 'scan.wasm') return join(cache, path);
  return join(modules, path);
}

/**
 * One size of a world.
 *
 * @typedef {object} World
 * @property {string} dir
 * @property {string} size
 * @property {{n: number, d: number, q: number, sha256: string}} shape
 *
 * @param {string} dir @param {string} size
 * @returns {World}
 * @throws {Error} with a hint after a newline
 */
export function findWorld(dir, size) {
  const hint = `\nmake one: go run ./web/bench/world ${dir} ${size}`;
  for (const folder of [join(dir, size), dir]) {
    const file = join(folder, 'world.json');
    if (!existsSync(file)) continue;
    const shape = JSON.parse(readFileSync(file, 'utf8'));
    if (shape.n === sizeOf(size)) return { dir: folder, size, shape };
    if (folder !== dir) throw new Error(`${file}: n is ${shape.n}, want ${sizeOf(size)}${hint}`);
  }
  throw new Error(`no world of ${size} rows in "${dir}"${hint}`);
}

/**
 * What a peer's page would download, made once for each world.
 *
 * @param {string} name @param {import('./session.js').Peer} peer @param {World} world
 * @returns {Promise<string>} the file
 */
export async function wireFile(name, peer, { dir, shape }) {
  const { n, d, sha256 } = shape;
  const input = async (/** @type {string} */ file) => read(join(dir, file));
  const path = join(cache, 'wire', `${name}-${sha256.slice(0, 16)}.bin`);
  // Ours is packed elsewhere and may change under the same vectors.
  if (!existsSync(path) || name.startsWith('nearside')) {
    const bytes = read(join(dir, 'items.f32'));
    if (bytes.length !== n * d * 4) throw new Error(`${dir}/items.f32: ${bytes.length} bytes, want ${n * d * 4}`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, await peer.pack({ items: new Float32Array(bytes.buffer, bytes.byteOffset, n * d), n, d, input }));
  }
  return path;
}

/** A file with a buffer of its own. @param {string} path @returns {Uint8Array} */
export function read(path) {
  const bytes = readFileSync(path);
  return bytes.byteOffset === 0 && bytes.buffer.byteLength === bytes.length ? new Uint8Array(bytes.buffer) : new Uint8Array(bytes);
}
