// onnxruntime-web, int8: MatMulInteger and TopK. The query is uint8 with its zero
// at 128: two int8 operands take another kernel, which is seven times slower.

import { quantize } from './int8.js';
import { model, node, tensor, types, value } from './onnx.js';
import { file, session } from './ort.js';

export const title = 'onnxruntime-web, int8';
export const files = [file];
export const inputs = [];

/** @type {import('../session.js').Pack} */
export function pack({ items, n, d }) {
  const rows = quantize(items);
  const columns = new Int8Array(n * d);
  for (let row = 0; row < n; row++) for (let f = 0; f < d; f++) columns[f * n + row] = rows[row * d + f];
  return model({
    nodes: [node('MatMulInteger', ['query', 'items', 'zero'], ['scores']), node('TopK', ['scores', 'k'], ['best', 'rows'])],
    constants: [
      tensor('items', types.int8, [d, n], new Uint8Array(columns.buffer)),
      tensor('zero', types.uint8, [], Uint8Array.of(128)),
    ],
    inputs: [value('query', types.uint8, [1, d]), value('k', types.int64, [1])],
    outputs: [value('rows', types.int64)],
  });
}

/** @type {import('../session.js').Open} */
export async function open(wire, { d }, host) {
  const { tensor, rows, close } = await session(wire, host);
  return {
    search(query, k) {
      const bytes = new Uint8Array(quantize(query).buffer);
      for (let f = 0; f < d; f++) bytes[f] ^= 128;
      return rows({ query: tensor('uint8', bytes, [1, d]), k: tensor('int64', BigInt64Array.of(BigInt(k)), [1]) });
    },
    close,
  };
}
