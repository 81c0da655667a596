// hnswlib-wasm: an approximate graph, in inner product space. Its index can be
// kept only in IndexedDB, so a first visit builds it on the device.

import { asBytes, asFloats } from './vectors.js';

export const title = 'hnswlib-wasm, M 16, ef 200/128';
export const files = [];
export const inputs = [];
export const largest = 100_000;
export const why = 'building the index of 100000 takes half a minute, and it grows faster than n';

/** @type {import('../session.js').Pack} */
export const pack = ({ items }) => asBytes(items);

/** @type {import('../session.js').Open} */
export async function open(wire, { n, d }) {
  // Not through loadHnswlib: it waits for IndexedDB, which is not needed here.
  const { default: factory } = await import('hnswlib-wasm/dist/hnswlib-317962d7.js');
  // The build refuses to start where there is neither a window nor a worker.
  const bare = typeof window === 'undefined' && typeof (/** @type {any} */ (globalThis).importScripts) === 'undefined';
  if (bare) /** @type {any} */ (globalThis).window = globalThis;
  const lib = await factory();
  if (bare) delete /** @type {any} */ (globalThis).window;
  const index = new lib.HierarchicalNSW('ip', d, '');
  index.initIndex(n, 16, 200, 100);
  index.setEfSearch(128);
  const items = asFloats(wire);
  for (let row = 0; row < n; row++) index.addPoint(items.subarray(row * d, (row + 1) * d), row, false);
  return {
    search: (query, k) => index.searchKnn(query, k, undefined).neighbors,
    memory: () => lib.HEAPU8.buffer.byteLength,
    close: () => index.delete(),
  };
}
