// A hand-written int8 scan, scan.wat: for scale. It needs no library.

import { quantize } from './int8.js';

export const title = 'hand-written SIMD scan, int8';
export const files = ['scan.wasm'];
export const inputs = [];

const resultsAt = 49152;
const rowsAt = 65536;

/** @type {import('../session.js').Pack} */
export function pack({ items, n, d }) {
  const width = (d + 3) & ~3;
  const rows = quantize(items);
  const wire = new Uint8Array(((n + 15) & ~15) * width);
  // Factors 0 and 2 of each four have their sign bit turned over: see scan.wat.
  for (let at = 0; at < wire.length; at += 2) wire[at] = 0x80;
  for (let row = 0; row < n; row++) {
    const block = (row >> 4) * 16 * width + (row & 15) * 4;
    for (let f = 0; f < d; f++) wire[block + (f >> 2) * 64 + (f & 3)] ^= rows[row * d + f];
  }
  return wire;
}

/** @type {import('../session.js').Open} */
export async function open(wire, { n, d }, host) {
  const { instance } = await WebAssembly.instantiate(await host.file('scan.wasm'), {});
  const { memory, search } = /** @type {any} */ (instance.exports);
  memory.grow(Math.ceil((rowsAt + wire.length) / 65536) - memory.buffer.byteLength / 65536);
  new Uint8Array(memory.buffer, rowsAt).set(wire);
  const width = (d + 3) & ~3;
  const weights = new Int16Array(memory.buffer, 0, width * 4);
  return {
    search(query, k) {
      const q = quantize(query);
      for (let f = 0; f < width; f += 2) {
        const even = f < d ? q[f] : 0;
        const odd = f + 1 < d ? q[f + 1] : 0;
        const at = (f >> 2) * 16 + ((f & 2) >> 1);
        for (let lane = 0; lane < 8; lane += 2) {
          weights[at + lane] = even;
          weights[at + lane + 8] = odd - 256 * even;
        }
      }
      search(n, width, k);
      return new Uint32Array(memory.buffer, resultsAt, k).slice();
    },
    memory: () => memory.buffer.byteLength,
    close() {},
  };
}
