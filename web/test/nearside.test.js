import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { NearsideError, open } from '../nearside.js';
import { tinyModule, unreachable } from './tiny.js';
import { WebWorker } from './webworker.js';

Object.assign(globalThis, { Worker: WebWorker });

const files = { wasm: tinyModule(), bundle: new Uint8Array(10), root: new Uint8Array(10) };

/** @type {import('node:http').Server} */
let server;
/** @type {string} */
let base;
/** @type {import('node:http').IncomingHttpHeaders[]} */
const asked = [];

before(async () => {
  server = createServer((request, response) => {
    asked.push(request.headers);
    if (request.url === '/missing') response.writeHead(404).end();
    else if (request.url === '/cut') response.writeHead(200, { 'content-length': '100' }).write('x', () => response.destroy());
    else if (request.url === '/module') response.writeHead(200, { 'content-type': 'application/wasm', 'content-length': files.wasm.length }).end(files.wasm);
    else if (request.url === '/module-untyped') response.writeHead(200).end(files.wasm);
    else if (request.url === '/slow') response.writeHead(200).write('x');
    else response.writeHead(200, { 'content-length': '10' }).end(files.bundle);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  base = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;
});

after(() => {
  server.closeAllConnections();
  server.close();
});

test('a file that cannot be had is a network error that names it', async () => {
  for (const [path, message] of /** @type {[string, RegExp][]} */ ([
    ['/missing', /^nearside: fetch "http:.*\/missing": HTTP 404$/],
    ['/cut', /^nearside: fetch "http:.*\/cut": /],
  ])) {
    for (const name of ['wasm', 'bundle', 'root']) {
      await assert.rejects(open({ ...files, [name]: base + path }), { name: 'NearsideError', code: 'network', message });
    }
  }
});

test('a file that is not the module is a module error', async () => {
  for (const wasm of [new Uint8Array([1, 2, 3]), `${base}/bundle`, await fetch(`${base}/bundle`)]) {
    await assert.rejects(open({ ...files, wasm }), { code: 'module', message: /does not compile/ });
  }
  await assert.rejects(open({ ...files, wasm: tinyModule({ imports: true }) }), { code: 'module', message: /imports "env.log"/ });
});

test('what goes wrong in the worker keeps its code', async () => {
  await assert.rejects(open({ ...files, wasm: tinyModule({ abi: 2 }) }), (error) => error instanceof NearsideError && error.code === 'version');
  await assert.rejects(open({ ...files, wasm: tinyModule({ initialize: unreachable }) }), { code: 'trap' });
});

test('a module may come as a URL of either type, as a response, as bytes and compiled', async () => {
  const sources = [
    `${base}/module`,
    new URL(`${base}/module-untyped`),
    await fetch(`${base}/module`),
    files.wasm.buffer,
    new WebAssembly.Module(files.wasm),
  ];
  for (const wasm of sources) {
    // This module starts, and stops at the first export that it lacks.
    await assert.rejects(open({ ...files, wasm }), { code: 'trap', message: /"nearside_alloc"/ });
  }
});

test('no cookie is sent', async () => {
  asked.length = 0;
  await assert.rejects(open({ wasm: `${base}/module`, bundle: `${base}/bundle`, root: `${base}/root` }), { code: 'trap' });
  assert.equal(asked.length, 3);
  for (const headers of asked) assert.equal(headers.cookie, undefined);
});

test('a signal gives up, whenever it comes', async () => {
  await assert.rejects(open({ ...files, signal: AbortSignal.abort() }), { code: 'aborted', message: 'nearside: open was aborted' });
  const controller = new AbortController();
  const opening = open({ ...files, bundle: `${base}/slow`, signal: controller.signal, onProgress: () => controller.abort() });
  await assert.rejects(opening, { code: 'aborted' });
});
