// Orama: cosine over every document, in JavaScript.

import { asBytes, asFloats, levelled } from './vectors.js';

export const title = '@orama/orama';
export const files = [];
export const inputs = [];

/** @type {import('../session.js').Pack} */
export const pack = ({ items }) => asBytes(items);

/** @type {import('../session.js').Open} */
export async function open(wire, { n, d }) {
  const { create, insertMultiple, searchVector } = await import('@orama/orama');
  const db = create({ schema: { vector: `vector[${d + 1}]` } });
  const row = levelled(asFloats(wire), d);
  await insertMultiple(db, Array.from({ length: n }, (_, i) => ({ id: String(i), vector: row(i) })), 5000);
  return {
    // Without a bound, it keeps only what is more similar than 0.8.
    async search(query, k) {
      const { hits } = await searchVector(db, { mode: 'vector', vector: { value: [...query, 0], property: 'vector' }, similarity: 0, limit: k });
      return hits.map(({ id }) => Number(id));
    },
    close() {},
  };
}
