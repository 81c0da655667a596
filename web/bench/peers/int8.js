// Per-tensor symmetric int8, shared by the peers that scan bytes. The scale is
// dropped: it changes no order.

const limit = 127;

/**
 * @param {Float32Array} values
 * @returns {Int8Array} values · limit / max|values|, rounded
 */
export function quantize(values) {
  let max = 0;
  for (let i = 0; i < values.length; i++) max = Math.max(max, Math.abs(values[i]));
  const scale = max > 0 ? limit / max : 0;
  // Int8Array.from would take longer than some of the scans.
  const bytes = new Int8Array(values.length);
  for (let i = 0; i < values.length; i++) bytes[i] = Math.round(values[i] * scale);
  return bytes;
}
