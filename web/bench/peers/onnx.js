// The few messages of onnx.proto that a product and a TopK need, written by
// hand: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto

/** TensorProto.DataType */
export const types = { float: 1, uint8: 2, int8: 3, int32: 6, int64: 7 };

const concat = (/** @type {Uint8Array[]} */ parts) => {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};

const varint = (/** @type {number} */ value) => {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Uint8Array.from([...bytes, value]);
};

const number = (/** @type {number} */ field, /** @type {number} */ value) => concat([varint(field * 8), varint(value)]);

const bytes = (/** @type {number} */ field, /** @type {Uint8Array | string} */ value) => {
  const body = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  return concat([varint(field * 8 + 2), varint(body.length), body]);
};

/** @param {string} name @param {number} type @param {number[]} dims @param {Uint8Array} raw little-endian */
export const tensor = (name, type, dims, raw) =>
  concat([...dims.map((dim) => number(1, dim)), number(2, type), bytes(8, name), bytes(9, raw)]);

/** @param {string} name @param {number} type @param {number[]} [dims] none: known when it runs */
export const value = (name, type, dims) => {
  const shape = dims ? [bytes(2, concat(dims.map((dim) => bytes(1, number(1, dim)))))] : [];
  return concat([bytes(1, name), bytes(2, bytes(1, concat([number(1, type), ...shape])))]);
};

/** @param {string} op @param {string[]} inputs @param {string[]} outputs @param {Record<string, number>} [attributes] integers */
export const node = (op, inputs, outputs, attributes = {}) =>
  concat([
    ...inputs.map((name) => bytes(1, name)),
    ...outputs.map((name) => bytes(2, name)),
    bytes(4, op),
    ...Object.entries(attributes).map(([name, i]) => bytes(5, concat([bytes(1, name), number(3, i), number(20, 2)]))),
  ]);

/**
 * @param {{nodes: Uint8Array[], constants: Uint8Array[], inputs: Uint8Array[], outputs: Uint8Array[]}} graph
 * @returns {Uint8Array} a ModelProto: IR version 7, operator set 13
 */
export function model({ nodes, constants, inputs, outputs }) {
  const graph = concat([
    ...nodes.map((message) => bytes(1, message)),
    bytes(2, 'peer'),
    ...constants.map((message) => bytes(5, message)),
    ...inputs.map((message) => bytes(11, message)),
    ...outputs.map((message) => bytes(12, message)),
  ]);
  return concat([number(1, 7), bytes(7, graph), bytes(8, concat([bytes(1, ''), number(2, 13)]))]);
}
