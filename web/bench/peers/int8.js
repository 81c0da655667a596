// Per-tensor symmetric int8, shared by the peers that scan bytes. The scale is
// dropped: it changes no order.

/**
 * @param {Float32Array} values
 * @param {number} [limit]
 * @returns {Int8Array} values · limit / max|values|, rounded
 */
export function quantize(values, limit = 127) {
  let max = 0;
  for (const value of values) if (Math.abs(value) > max) max = Math.abs(value);
  const scale = max > 0 ? limit / max : 0;
  return Int8Array.from(values, (value) => Math.round(value * scale));
}
