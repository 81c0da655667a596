// What the two onnxruntime-web peers share.

/** The build for the CPU; numThreads is 1, so its threads are never started. */
export const file = 'onnxruntime-web/dist/ort-wasm-simd-threaded.wasm';

/**
 * @param {Uint8Array} model with the outputs of one TopK: values, rows
 * @param {import('../session.js').Host} host
 */
export async function session(model, host) {
  const ort = await import('onnxruntime-web/wasm');
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = await host.file(file);
  const run = await ort.InferenceSession.create(model, { executionProviders: ['wasm'] });
  return {
    /** @param {'float32' | 'uint8' | 'int64'} type @param {any} data @param {number[]} dims */
    tensor: (type, data, dims) => new ort.Tensor(type, data, dims),
    /** @param {Record<string, any>} feeds @returns {Promise<number[]>} */
    async rows(feeds) {
      const { rows } = await run.run(feeds, ['rows']);
      return Array.from(/** @type {BigInt64Array} */ (rows.data), Number);
    },
    close: () => run.release(),
  };
}
