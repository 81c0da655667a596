// voy-search: a k-d tree of up to 768 factors, by distance.

import { asBytes, asFloats, levelled } from './vectors.js';

const file = 'voy-search/voy_search_bg.wasm';

export const title = 'voy-search';
export const files = [file];
export const inputs = [];
export const largest = 100_000;
export const why = '100000 take 1 GB of memory, and WebAssembly has 4';

/** @type {import('../session.js').Pack} */
export const pack = ({ items }) => asBytes(items);

/** @type {import('../session.js').Open} */
export async function open(wire, { n, d }, host) {
  const glue = await import('voy-search/voy_search_bg.js');
  const { instance } = await WebAssembly.instantiate(await host.file(file), { './voy_search_bg.js': /** @type {any} */ (glue) });
  glue.__wbg_set_wasm(instance.exports);
  const row = levelled(asFloats(wire), d);
  const resource = (/** @type {number} */ from, /** @type {number} */ to) => ({
    embeddings: Array.from({ length: to - from }, (_, i) => ({ id: String(from + i), title: '', url: '', embeddings: row(from + i) })),
  });
  const step = 5000;
  const index = new glue.Voy(resource(0, Math.min(step, n)));
  for (let from = step; from < n; from += step) index.add(resource(from, Math.min(from + step, n)));
  const { memory } = /** @type {any} */ (instance.exports);
  return {
    search: (query, k) => index.search(Float32Array.of(...query, 0), k).neighbors.map(({ id }) => Number(id)),
    memory: () => memory.buffer.byteLength,
    close: () => index.free(),
  };
}
