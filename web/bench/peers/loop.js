// A loop over float32 in plain JavaScript: for scale. It needs no library.

import { asFloats, asBytes } from './vectors.js';

export const title = 'plain JavaScript loop, float32';
export const files = [];
export const inputs = [];

/** @type {import('../session.js').Pack} */
export const pack = ({ items }) => asBytes(items);

/** @type {import('../session.js').Open} */
export async function open(wire, { n, d }) {
  const items = asFloats(wire);
  return {
    search(query, k) {
      const scores = new Float64Array(k).fill(-Infinity);
      const rows = new Uint32Array(k);
      for (let row = 0, at = 0; row < n; row++, at += d) {
        // Four sums, because one would wait for itself.
        let a = 0;
        let b = 0;
        let c = 0;
        let e = 0;
        let f = 0;
        for (; f + 3 < d; f += 4) {
          a += items[at + f] * query[f];
          b += items[at + f + 1] * query[f + 1];
          c += items[at + f + 2] * query[f + 2];
          e += items[at + f + 3] * query[f + 3];
        }
        for (; f < d; f++) a += items[at + f] * query[f];
        const score = a + b + c + e;
        if (score <= scores[k - 1]) continue;
        let place = k - 1;
        for (; place > 0 && scores[place - 1] < score; place--) {
          scores[place] = scores[place - 1];
          rows[place] = rows[place - 1];
        }
        scores[place] = score;
        rows[place] = row;
      }
      return rows;
    },
    close() {},
  };
}
