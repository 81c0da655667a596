// What several peers do to the vectors.

/** @param {Uint8Array} bytes float32, little-endian @returns {Float32Array} no copy where alignment allows */
export const asFloats = (bytes) =>
  new Float32Array(bytes.byteOffset % 4 === 0 ? bytes.buffer : bytes.slice().buffer, bytes.byteOffset % 4 === 0 ? bytes.byteOffset : 0, bytes.length / 4);

/** @param {Float32Array} floats @returns {Uint8Array} no copy */
export const asBytes = (floats) => new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);

/**
 * Inner products for libraries that know only distances or angles: one more
 * factor makes all rows equally long, and then the nearest row is the one with
 * the largest inner product (Bachrach et al., RecSys 2014). A query's own extra
 * factor is 0.
 *
 * @param {Float32Array} items n×d, row-major
 * @param {number} d
 * @returns {(row: number) => number[]} d+1 numbers
 */
export function levelled(items, d) {
  let longest = 0;
  const squares = new Float64Array(items.length / d);
  for (let row = 0; row < squares.length; row++) {
    for (let f = row * d; f < (row + 1) * d; f++) squares[row] += items[f] * items[f];
    if (squares[row] > longest) longest = squares[row];
  }
  return (row) => [...items.subarray(row * d, (row + 1) * d), Math.sqrt(longest - squares[row])];
}
