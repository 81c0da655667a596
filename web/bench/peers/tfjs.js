// TensorFlow.js on its WebAssembly backend: matMul and topk, float32.

import { asBytes, asFloats } from './vectors.js';

const file = '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm';

export const title = 'tfjs-backend-wasm, float32';
export const files = [file];
export const inputs = [];

/** @type {import('../session.js').Pack} */
export const pack = ({ items }) => asBytes(items);

/** @type {import('../session.js').Open} */
export async function open(wire, { n, d }, host) {
  const tf = await import('@tensorflow/tfjs-core');
  const wasm = await import('@tensorflow/tfjs-backend-wasm');
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  // The map has to name all builds; with SIMD and one thread it loads the second.
  const url = await host.url(file);
  wasm.setWasmPaths({ 'tfjs-backend-wasm.wasm': url, 'tfjs-backend-wasm-simd.wasm': url, 'tfjs-backend-wasm-threaded-simd.wasm': url });
  wasm.setThreadsCount(1);
  await tf.setBackend('wasm');
  const items = tf.tensor2d(asFloats(wire), [n, d]);
  return {
    search: (query, k) =>
      tf.tidy(() => tf.topk(tf.matMul(tf.tensor2d(query, [1, d]), items, false, true), k).indices.dataSync()),
    close: () => items.dispose(),
  };
}
