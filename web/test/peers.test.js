// What the harness of web/bench does without its packages.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median, megabytes, parseArgs, peerNames, percentile, ratio, recall, sizeOf, table, time } from '../bench/report.js';
import { quantize } from '../bench/peers/int8.js';
import { model, node, tensor, types, value } from '../bench/peers/onnx.js';
import { pack } from '../bench/peers/scan.js';
import { asBytes, asFloats, levelled } from '../bench/peers/vectors.js';

test('arguments: defaults, lists, both ways to give a value', () => {
  const plain = parseArgs([]);
  assert.deepEqual([plain.sizes, plain.hosts, plain.rounds, plain.peers], [['10k', '100k', '1m'], ['node', 'chromium'], 5, peerNames]);
  const { peers, sizes, openLimit, json, help } = parseArgs(['--peers', 'scan,voy', '--sizes=1m', '--open-limit', '2.5', '--json=a=b', '--help']);
  assert.deepEqual([peers, sizes, openLimit, json, help], [['scan', 'voy'], ['1m'], 2.5, 'a=b', true]);
  assert.deepEqual(parseArgs([]), plain);
});

test('arguments: what is refused says what there is', () => {
  for (const [args, want] of /** @type {[string[], RegExp][]} */ ([
    [['--peer', 'scan'], /unknown argument "--peer"/],
    [['10k'], /unknown argument "10k"/],
    [['--peers', 'scan,nobody'], /no "nobody"\nthere are onnx-int8/],
    [['--hosts', 'firefox'], /no "firefox"\nthere are node, chromium/],
    [['--rounds', '0'], /--rounds "0" is not a number above 0/],
    [['--rounds'], /--rounds needs a value/],
    [['--sizes', '10k,huge'], /size "huge"/],
  ])) assert.throws(() => parseArgs(args), want, args.join(' '));
});

test('sizes', () => {
  for (const [name, want] of /** @type {[string, number][]} */ ([['10k', 10_000], ['1M', 1_000_000], ['250', 250]])) assert.equal(sizeOf(name), want);
  for (const name of ['', 'k', '0', '-1k', '1.5k', '10kk']) assert.throws(() => sizeOf(name), /not a number of rows/, name);
});

test('percentiles are by nearest rank, and do not sort the caller’s', () => {
  const values = [9, 10, 1, 2, 3, 4, 5, 6, 7, 8];
  assert.deepEqual([0, 0.05, 0.5, 0.95, 1].map((share) => percentile(values, share)), [1, 1, 5, 10, 10]);
  assert.deepEqual([median(values), median([3, 100, 1]), median([4])], [5.5, 3, 4]);
  assert.equal(values[0], 9);
});

test('recall counts rows, not places, and each once', () => {
  const truth = Uint32Array.of(1, 2, 3, 4, 5, 6);
  assert.equal(recall(new Map([[0, [3, 2, 1]]]), truth, 3), 1);
  assert.equal(recall(new Map([[0, [1, 1, 1]], [1, [4, 9, 6]]]), truth, 3), 3 / 6);
  assert.equal(recall(new Map([[1, [9, 9, 9, 4]]]), truth, 3), 0);
});

test('numbers in the table', () => {
  assert.deepEqual([0.01234, 1.5, 12.34, 99.99, 1234.5, undefined].map(time), ['0.0123', '1.50', '12.3', '100', '1235', '–']);
  assert.deepEqual([ratio(1, 1), ratio(1, 8), ratio(120, 1), ratio(9.99, 1), ratio(1, undefined)], ['1.0', '0.13', '120', '10', '–']);
  assert.deepEqual([650_000, 12_345_678, undefined].map(megabytes), ['0.65', '12', '–']);
});

test('the table compares with onnx int8 and the scan, and says why a peer is missing', () => {
  const lines = table([
    { peer: 'onnx-int8', what: 'onnx', times: [2, 4, 4], recall: 0.98, wireBytes: 640, n: 10, cold: [5, 6, 7, 8, 9], download: 2e6 },
    { peer: 'scan', what: 'scan', times: [1, 1, 1], cold: [3] },
    { peer: 'voy', what: 'voy', skipped: 'too large' },
  ]).split('\n');
  assert.match(lines[2], /^\| onnx \| 4\.00 \| 4\.00 \| 1\.0 \| – \| 4\.0 \| 0\.980 \| 64\.0 \| – \| – \| 7\.00 \| – \| 2\.00 \| 3 \|$/);
  assert.match(lines[3], /^\| scan \| 1\.00 \| 1\.00 \| 0\.25 \| – \| 1\.0 \|.* 3\.00 \(of 1\) /);
  assert.match(lines[4], /^\| voy \| skipped: too large \|/);
  assert.equal(new Set(lines.map((line) => line.split(' | ').length)).size, 1);
});

test('int8: the largest becomes 127, and nothing stays nothing', () => {
  assert.deepEqual([...quantize(Float32Array.of(-2, 1, 0, 0.5))], [-127, 64, 0, 32]);
  assert.deepEqual([...quantize(new Float32Array(3))], [0, 0, 0]);
});

test('levelled rows are equally long and keep their factors', () => {
  const row = levelled(Float32Array.of(3, 4, 1, 0, 0, 0), 2);
  assert.deepEqual([row(0), row(1), row(2)], [[3, 4, 0], [1, 0, Math.sqrt(24)], [0, 0, 5]]);
  const floats = Float32Array.of(1, 2);
  assert.deepEqual(asFloats(Uint8Array.from([0, ...asBytes(floats)]).subarray(1)), floats);
});

test('the scan’s rows lie in blocks of 16, the even factors with their sign bit over', () => {
  const items = new Float32Array(17 * 5);
  items[1 * 5 + 2] = 127; // row 1, factor 2
  items[16 * 5 + 4] = -127; // row 16, factor 4: the second block's second four
  const wire = /** @type {Uint8Array} */ (pack(/** @type {any} */ ({ items, n: 17, d: 5 })));
  assert.equal(wire.length, 32 * 8);
  const moved = [...wire.entries()].filter(([at, byte]) => byte !== (at % 2 ? 0 : 128));
  assert.deepEqual(moved, [[4 + 2, 127 ^ 128], [128 + 64, (-127 & 255) ^ 128]]);
});

test('a model of onnx.proto, byte by byte', () => {
  const bytes = model({
    nodes: [node('TopK', ['x'], ['y'], { axis: 0 })],
    constants: [tensor('c', types.uint8, [], Uint8Array.of(128))],
    inputs: [value('x', types.float, [300])],
    outputs: [value('y', types.int64)],
  });
  const want = [
    '08 07', // ir_version
    '3a 48', // graph
    '0a 19 0a 01 78 12 01 79 22 04 54 6f 70 4b 2a 0b 0a 04 61 78 69 73 18 00 a0 01 02', // node
    '12 04 70 65 65 72', // name
    '2a 08 10 02 42 01 63 4a 01 80', // initializer
    '5a 10 0a 01 78 12 0b 0a 09 08 01 12 05 0a 03 08 ac 02', // input
    '62 09 0a 01 79 12 04 0a 02 08 07', // output
    '42 04 0a 00 10 0d', // opset_import
  ];
  assert.equal(Buffer.from(bytes).toString('hex'), want.join('').replaceAll(' ', ''));
});
