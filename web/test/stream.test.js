// The SDK on a bundle that is still arriving: page, worker and the real module.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, afterEach, before, mock, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { open } from '../nearside.js';
import { WebWorker } from './webworker.js';

Object.assign(globalThis, { Worker: WebWorker });

const wasm = new URL('../../wasm/bin/nearside.wasm', import.meta.url);
const skip = !existsSync(wasm) && 'wasm/bin/nearside.wasm is not built: run `make wasm`';

/** @param {string} name */
const file = (name) => new Uint8Array(readFileSync(new URL(`../../testdata/vectors/${name}`, import.meta.url)));

const now = 1800001000;
const root = file('pq-int8.nsr');
const bundle = file('pq-int8.nsb'); // codes first, then rows that rescore
const late = 100; // bytes, fewer than the rows that rescore have
const head = bundle.subarray(0, bundle.length - late);
const tail = bundle.subarray(bundle.length - late);
const changed = bundle.slice();
changed[changed.length - 1] ^= 1;

/** @type {import('node:http').Server} */
let server;
/** @type {string} */
let base;
/** Answers that are held back. @type {import('node:http').ServerResponse[]} */
let held = [];
let gone = 0; // answers whose reader went away

before(async () => {
  server = createServer((request, response) => {
    const length = { 'content-length': bundle.length };
    if (request.url === '/held') {
      response.writeHead(200, length).write(head);
      response.on('close', () => { if (!response.writableFinished) gone++; });
      held.push(response);
    } else if (request.url === '/nothing-yet') {
      response.writeHead(200, length).flushHeaders();
      response.on('close', () => { if (!response.writableFinished) gone++; });
    } else if (request.url === '/changed') response.writeHead(200, length).end(changed);
    else if (request.url === '/gzip') response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(bundle));
    else if (request.url === '/chunked') response.writeHead(200).end(bundle);
    else response.writeHead(200, length).end(bundle);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  base = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;
});

after(() => {
  server.closeAllConnections();
  server.close();
});

/** @type {Awaited<ReturnType<typeof open>>[]} */
const all = [];
afterEach(() => all.splice(0).forEach((nearside) => nearside.close())); // or a test that fails leaves its worker

/** @param {Partial<import('../nearside.js').Options>} change */
async function opened(change) {
  mock.timers.enable({ apis: ['Date'], now: 1000 * now });
  try {
    const nearside = await open({ wasm: readFileSync(wasm), bundle: `${base}/whole`, root, onWarning: assert.fail, ...change });
    all.push(nearside);
    nearside.observe({ item: 'i7', kind: 'like', time: now });
    return nearside;
  } finally {
    mock.timers.reset();
  }
}

const early = async (/** @type {Awaited<ReturnType<typeof open>>} */ nearside) => (await nearside.recommend({ k: 5 })).receipt.early;

test('recommendations come before the rows, and better ones after them', { skip }, async () => {
  held = [];
  /** @type {any[]} */
  const progress = [];
  const nearside = await opened({ bundle: `${base}/held`, onProgress: (step) => progress.push(step) });
  assert.equal(nearside.manifest().retrieval?.rescore, 'int8');
  const first = await nearside.recommend({ k: 5 });
  assert.equal(first.receipt.early, true);
  const module = readFileSync(wasm).length;
  const ready = {
    phase: 'ready', loaded: module + head.length, total: module + bundle.length,
    module: { loaded: module, total: module }, bundle: { loaded: head.length, total: bundle.length },
  };
  assert.deepEqual(progress.at(-1), ready);

  held[0].end(tail);
  assert.equal(await nearside.completed, undefined);
  const second = await nearside.recommend({ k: 5 });
  assert.equal(second.receipt.early, false);
  assert.deepEqual(progress.at(-1), ready); // what comes behind has completed to tell it

  const whole = await opened({ bundle });
  await whole.completed;
  assert.deepEqual((await whole.recommend({ k: 5 })).items, second.items);
});

test('a bundle comes as a URL, a response, compressed, of unknown length, in odd pieces, and as bytes', { skip }, async () => {
  const pieces = (/** @type {number} */ size) => new Response(new ReadableStream({
    start(controller) {
      // All of them are views of one buffer, which stays the caller's.
      for (let from = 0; from < bundle.length; from += size) controller.enqueue(bundle.subarray(from, from + size));
      controller.close();
    },
  }), { headers: { 'content-length': String(bundle.length) } });
  const inFile = new Uint8Array(bundle.length + 20);
  inFile.set(bundle, 10);
  const sources = [
    `${base}/whole`, new URL(`${base}/whole`), await fetch(`${base}/whole`), `${base}/gzip`, `${base}/chunked`,
    pieces(1), pieces(777), new Response(bundle), bundle, bundle.slice().buffer, inFile.subarray(10, 10 + bundle.length),
  ];
  for (const source of sources) {
    const nearside = await opened({ bundle: source });
    await nearside.completed;
    assert.equal(await early(nearside), false);
    nearside.close();
  }
  assert.equal(bundle.length, inFile.length - 20);
});

test('what was fetched is handed over, not copied', { skip }, async () => {
  const chunks = [bundle.slice(0, head.length), bundle.slice(head.length)];
  const body = new ReadableStream({
    start(controller) {
      chunks.forEach((chunk) => controller.enqueue(chunk));
      controller.close();
    },
  });
  const nearside = await opened({ bundle: new Response(body, { headers: { 'content-length': String(bundle.length) } }) });
  await nearside.completed;
  assert.deepEqual(chunks.map(({ buffer }) => buffer.byteLength), [0, 0]);
});

test('rows that were changed are refused once, and the codes go on', { skip }, async () => {
  const nearside = await opened({ bundle: `${base}/changed` }).catch((error) => error);
  // In one piece the file is opened as a whole, and then there is nothing to go on with.
  if (nearside instanceof Error) assert.equal(/** @type {any} */ (nearside).code, 'hash');

  const split = new Response(new ReadableStream({
    start(controller) {
      controller.enqueue(changed.slice(0, head.length));
      controller.enqueue(changed.slice(head.length));
      controller.close();
    },
  }), { headers: { 'content-length': String(changed.length) } });
  const going = await opened({ bundle: split });
  await assert.rejects(going.completed, { name: 'NearsideError', code: 'hash', message: /^guest: complete: / });
  assert.equal(await early(going), true);
});

test('a network that breaks off in the rows is told once, and the codes go on', { skip }, async () => {
  held = [];
  const nearside = await opened({ bundle: `${base}/held` });
  held[0].destroy();
  await assert.rejects(nearside.completed, { name: 'NearsideError', code: 'network', message: /^nearside: fetch "http:.*\/held": / });
  assert.equal(await early(nearside), true);
});

test('a signal stops the rows, and the codes go on', { skip }, async () => {
  const controller = new AbortController();
  const before = gone;
  const nearside = await opened({ bundle: `${base}/held`, signal: controller.signal });
  controller.abort();
  await assert.rejects(nearside.completed, { code: 'aborted', message: 'nearside: open was aborted' });
  assert.equal(await early(nearside), true);
  while (gone === before) await new Promise((resolve) => setImmediate(resolve)); // the download ends too
});

test('close stops the rows', { skip }, async () => {
  const before = gone;
  for (const source of [`${base}/held`, await fetch(`${base}/held`)]) {
    const nearside = await opened({ bundle: source });
    nearside.close();
    await assert.rejects(nearside.completed, { code: 'closed', message: 'nearside: closed' });
    await assert.rejects(nearside.recommend(), { code: 'closed' });
  }
  while (gone < before + 2) await new Promise((resolve) => setImmediate(resolve));
});

test('a signal gives up before the bundle answers, whatever is still missing', { skip }, async () => {
  const before = gone;
  for (const bundle of [`${base}/nothing-yet`, await fetch(`${base}/nothing-yet`)]) {
    const controller = new AbortController();
    const opening = opened({ bundle, signal: controller.signal });
    setImmediate(() => controller.abort('no patience'));
    await assert.rejects(opening, (/** @type {any} */ error) => error.code === 'aborted' && error.cause === 'no patience');
  }
  while (gone < before + 2) await new Promise((resolve) => setImmediate(resolve));
});

test('abort after the bundle is whole changes nothing', { skip }, async () => {
  const controller = new AbortController();
  const nearside = await opened({ signal: controller.signal });
  await nearside.completed;
  controller.abort();
  assert.equal(await nearside.completed, undefined);
  assert.equal(await early(nearside), false);
});

test('a bundle that is refused stops the download', { skip }, async () => {
  const before = gone;
  await assert.rejects(opened({ bundle: `${base}/held`, root: file('ease.nsr').fill(0, 100, 132) }), { code: 'signature' });
  while (gone === before) await new Promise((resolve) => setImmediate(resolve));
});
