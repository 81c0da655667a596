// onnxruntime-web, float32: MatMul and TopK.

import { model, node, tensor, types, value } from './onnx.js';
import { file, session } from './ort.js';

export const title = 'onnxruntime-web, float32';
export const files = [file];
export const inputs = [];

/** @type {import('../session.js').Pack} */
export function pack({ items, n, d }) {
  const columns = new Float32Array(n * d);
  for (let row = 0; row < n; row++) for (let f = 0; f < d; f++) columns[f * n + row] = items[row * d + f];
  return model({
    nodes: [node('MatMul', ['query', 'items'], ['scores']), node('TopK', ['scores', 'k'], ['best', 'rows'])],
    constants: [tensor('items', types.float, [d, n], new Uint8Array(columns.buffer))],
    inputs: [value('query', types.float, [1, d]), value('k', types.int64, [1])],
    outputs: [value('rows', types.int64)],
  });
}

/** @type {import('../session.js').Open} */
export async function open(wire, { d }, host) {
  const { tensor, rows, close } = await session(wire, host);
  return {
    search: (query, k) => rows({ query: tensor('float32', query, [1, d]), k: tensor('int64', BigInt64Array.of(BigInt(k)), [1]) }),
    close,
  };
}
