// client-vector-search: cosine over every object, in JavaScript, then a sort.

import { asBytes, asFloats, levelled } from './vectors.js';

export const title = 'client-vector-search';
export const files = [];
export const inputs = [];

/** @type {import('../session.js').Pack} */
export const pack = ({ items }) => asBytes(items);

/** @type {import('../session.js').Open} */
export async function open(wire, { n, d }) {
  const { EmbeddingIndex } = await import('client-vector-search');
  const row = levelled(asFloats(wire), d);
  const index = new EmbeddingIndex(Array.from({ length: n }, (_, i) => ({ id: i, embedding: row(i) })));
  return {
    async search(query, k) {
      const found = await index.search([...query, 0], { topK: k, useStorage: 'none' });
      return found.map(({ object }) => object.id);
    },
    close() {},
  };
}
