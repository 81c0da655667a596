// Builds what the hosts load: scan.wasm, and for Chromium one minified module
// for each peer with its library, as a page would ship it.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { bench, cache, filePath } from './paths.js';

/** Assembles scan.wat. @returns {Promise<number>} bytes */
export async function assemble() {
  const { default: wabt } = await import('wabt');
  const source = readFileSync(join(bench, 'peers', 'scan.wat'), 'utf8');
  const module = (await wabt()).parseWat('scan.wat', source, { simd: true });
  const { buffer } = module.toBinary({});
  mkdirSync(cache, { recursive: true });
  writeFileSync(filePath('scan.wasm'), buffer);
  module.destroy();
  return buffer.length;
}

/** @param {string} name @returns {Promise<string>} the bundle's path */
export async function bundle(name) {
  const { build } = await import('esbuild');
  const outfile = join(cache, `${name}.mjs`);
  await build({
    entryPoints: [join(bench, 'peers', `${name}.js`)],
    outfile,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    external: ['@xenova/transformers', 'module', 'worker_threads', 'node:*'],
    logLevel: 'error',
  });
  return outfile;
}

/**
 * What the library weighs on the wire: its bundle and its files, each with brotli at its best.
 *
 * @param {string} name @param {string[]} files
 */
export async function download(name, files) {
  const path = join(cache, 'brotli.json');
  const known = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
  let sum = 0;
  for (const file of [await bundle(name), ...files.map(filePath)]) {
    const bytes = readFileSync(file);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    known[sha256] ??= brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }).length;
    sum += known[sha256];
  }
  writeFileSync(path, JSON.stringify(known));
  return sum;
}
