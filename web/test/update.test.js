// The SDK on a channel: page, worker, the real module and a server.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, afterEach, before, beforeEach, mock, test } from 'node:test';
import { fetchFile, loadHashedModule } from '../following.js';
import { open } from '../nearside.js';
import { name, news, now, root } from './mirror.js';
import { WebWorker } from './webworker.js';

Object.assign(globalThis, { Worker: WebWorker });

const wasm = new URL('../../wasm/bin/nearside.wasm', import.meta.url);
const skip = !existsSync(wasm) && 'wasm/bin/nearside.wasm is not built: run `make wasm`';
const module = skip ? new Uint8Array(0) : readFileSync(wasm);

/** What stands below /news/. @type {import('./mirror.js').Files} */
let files;
/** @type {{url: string, headers: import('node:http').IncomingHttpHeaders}[]} */
let asked = [];
let gone = 0; // answers whose reader went away
/** Answers of that path are held back, or never end. @type {string | undefined} */
let held;
/** @type {string | undefined} */
let endless;
/** @type {(() => void)[]} */
let waiting = [];
/** @type {import('node:http').Server} */
let server;
/** @type {string} */
let base;

before(async () => {
  server = createServer((request, response) => {
    const url = request.url ?? '';
    asked.push({ url, headers: request.headers });
    response.on('close', () => { if (!response.writableFinished) gone++; });
    if (url === '/nearside.wasm') return void response.writeHead(200, { 'content-type': 'application/wasm' }).end(module);
    if (url === '/root.nsr') return void response.writeHead(200).end(root);
    const file = files.get(url.replace(/^\/news\//, ''));
    if (url === endless) {
      const more = () => { while (response.write(new Uint8Array(65536))); response.once('drain', more); };
      return more();
    }
    const answer = () => (file ? response.writeHead(200).end(file) : response.writeHead(404).end());
    if (held !== undefined && url.startsWith(held)) waiting.push(answer);
    else answer();
  });
  server.keepAliveTimeout = 0; // on a slow machine it would hang up just when the next request comes
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  base = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;
});

after(() => {
  server.closeAllConnections();
  server.close();
});

/** @type {Awaited<ReturnType<typeof open>>[]} */
const all = [];
beforeEach(() => {
  mock.timers.enable({ apis: ['Date'], now: 1000 * now });
  files = news('before');
  [asked, waiting, held, endless] = [[], [], undefined, undefined];
});
afterEach(() => {
  mock.timers.reset();
  all.splice(0).forEach((nearside) => nearside.close()); // or a test that fails leaves its worker
});

const noStore = /^store: no IndexedDB: .*; keeping the channel until the page closes$/;

/** @param {Partial<import('../nearside.js').Options>} [change] */
async function opened(change) {
  const nearside = await open({
    wasm: `${base}/nearside.wasm`, channel: `${base}/news/`, name, root: `${base}/root.nsr`, onWarning: (message) => assert.match(message, noStore), ...change,
  });
  all.push(nearside);
  return nearside;
}

const paths = () => asked.map(({ url }) => url);

test('a channel is followed', { skip }, async () => {
  /** @type {any[]} */
  const progress = [];
  const nearside = await opened({ onProgress: (step) => progress.push(step) });
  assert.equal(nearside.manifest().version, 1);
  assert.equal(await nearside.updated, true);
  assert.equal(await nearside.completed, undefined);
  const { items: [first], receipt } = await nearside.recommend({ k: 5 });
  assert.deepEqual([receipt.version, receipt.channel, receipt.cold], [1, name, true]);
  assert.deepEqual(paths().slice(0, 2).toSorted(), ['/nearside.wasm', '/root.nsr']);
  assert.deepEqual(paths().slice(2, 4), ['/news/root.nsr', '/news/head.nsh']);
  for (const { url, headers } of asked) {
    assert.ok(!url.includes('?') && headers.cookie === undefined && headers.referer === undefined, url);
    if (/head\.nsh|news\/root/.test(url)) assert.match(`${headers['cache-control']}`, /max-age=0|no-cache/);
  }
  const { phase, module, bundle } = progress.at(-1);
  assert.equal(phase, 'ready');
  assert.ok(module.loaded === module.total && module.total > 3_000_000);
  assert.ok(bundle.loaded > 0 && bundle.loaded <= bundle.total && bundle.total > 350_000); // it may answer early

  assert.equal(await nearside.update(), false);
  nearside.observe({ item: first.id, kind: 'like' });
  assert.equal((await nearside.recommend({ k: 5 })).items[0].reasons[0].title, 'Title 0');
  files = news();
  asked = [];
  assert.deepEqual(await Promise.all([nearside.update(), nearside.update()]), [true, true]); // one look
  assert.equal(paths().filter((path) => path === '/news/head.nsh').length, 1);
  assert.equal(nearside.manifest().version, 2);
  const list = await nearside.recommend({ k: 5 });
  assert.deepEqual([list.receipt.version, list.receipt.used], [2, 1]);
  assert.equal(list.items[0].reasons[0].title, 'Another title');
  assert.equal((await nearside.items([1399])).items[0].index, 1399);

  files = new Map();
  await assert.rejects(nearside.update(), { name: 'NearsideError', code: 'network', message: /^nearside: fetch "http:.*\/news\/root.nsr": HTTP 404$/ });
  assert.equal((await nearside.recommend({ k: 5 })).receipt.version, 2);
});

test('a first list comes before the last rows', { skip }, async () => {
  const late = [...files.keys()].filter((name) => name.startsWith('chunks/')).map((name) => `/news/${name}`);
  await (await opened()).updated;
  held = paths().findLast((path) => late.includes(path));
  const nearside = await opened();
  nearside.observe({ item: (await nearside.items([3])).items[0].id });
  assert.equal((await nearside.recommend({ k: 5 })).receipt.early, true);
  while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
  waiting.forEach((answer) => answer());
  assert.equal(await nearside.completed, undefined);
  assert.equal(await nearside.updated, true);
  assert.equal((await nearside.recommend({ k: 5 })).receipt.early, false);
});

test('a first visit fails with the word of what was wrong', { skip }, async () => {
  for (const [change, code] of /** @type {[() => any, string][]} */ ([
    [() => files.delete('head.nsh'), 'network'],
    [() => files.set('head.nsh', new Uint8Array([0xc0])), 'envelope'],
    [() => (endless = '/news/head.nsh'), 'size'],
    [() => (endless = '/news/root.nsr'), 'size'],
    [() => files.forEach((file, name) => name.startsWith('chunks/') && files.set(name, new Uint8Array(file.length))), 'hash'],
  ])) {
    files = news('before');
    endless = undefined;
    const before = gone;
    change();
    await assert.rejects(opened(), { name: 'NearsideError', code });
    while (code === 'size' && gone === before) await new Promise((resolve) => setImmediate(resolve)); // no more is read
  }
  await assert.rejects(opened({ root: new Uint8Array([0xc0]) }), { code: 'root' });
  await assert.rejects(opened({ name: 'test/other' }), { code: 'channel' });
  await assert.rejects(opened({ wasm: new Uint8Array([1, 2, 3]) }), { code: 'module' });
  await assert.rejects(opened({ root: `${base}/missing` }), { code: 'network', message: /\/missing": HTTP 404$/ });
});

test('what open wants is either a bundle, or a channel and its name', { skip }, async () => {
  const message = 'nearside: open: want a bundle, or a channel and its name';
  await assert.rejects(opened({ name: undefined }), { code: 'request', message });
  await assert.rejects(opened({ bundle: `${base}/bundle.nsb` }), { code: 'request', message });
  await assert.rejects(opened({ channel: undefined }), { code: 'request', message });
  await assert.rejects(opened({ channel: 'news/' }), { code: 'request', message: 'nearside: channel "news/": want a URL' });
  assert.equal((await opened({ channel: new URL(`${base}/news?a=b#c`) })).manifest().version, 1); // the slash is added, the query is not
});

test('a module is known by its bytes, however they come', { skip }, async () => {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', module));
  for (const source of [module, module.buffer.slice(module.byteOffset, module.byteOffset + module.length), `${base}/nearside.wasm`, await fetch(`${base}/nearside.wasm`)]) {
    const hashed = await loadHashedModule(source, {});
    assert.deepEqual(hashed.digest, digest);
    assert.ok(hashed.module instanceof WebAssembly.Module);
  }
  assert.deepEqual(Object.keys(await loadHashedModule(new WebAssembly.Module(module), {})), ['module']);
  files = news('for-a-module');
  await assert.rejects(opened(), { code: 'module', message: /^guest: follow: / });
});

test('a signal gives up the first look, and the next one can go on', { skip }, async () => {
  await assert.rejects(opened({ signal: AbortSignal.abort() }), { code: 'aborted' });
  held = '/news/head.nsh';
  const early = new AbortController();
  const opening = opened({ signal: early.signal });
  while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
  early.abort('no patience');
  await assert.rejects(opening, (/** @type {any} */ error) => error.code === 'aborted' && error.cause === 'no patience');

  held = undefined;
  await (await opened()).updated;
  held = paths().findLast((path) => path.startsWith('/news/chunks/'));
  waiting = [];
  const late = new AbortController();
  const nearside = await opened({ signal: late.signal });
  late.abort();
  await assert.rejects(nearside.updated, { code: 'aborted' });
  await assert.rejects(nearside.completed, { code: 'aborted' });
  held = undefined;
  assert.equal(await nearside.update(), true);

  held = '/news/head.nsh';
  waiting = [];
  const looking = nearside.update();
  const before = gone;
  while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
  nearside.close();
  await assert.rejects(looking, { code: 'closed' });
  while (gone === before) await new Promise((resolve) => setImmediate(resolve)); // the later look ends too
});

test('no name but that of a file of a channel is fetched, and no more of it than may be', { skip }, async () => {
  const folder = new URL(`${base}/news/`);
  const { signal } = new AbortController();
  const hash = 'ab'.repeat(32);
  for (const bad of [
    '', '/', 'root', 'root.nsr/', './root.nsr', '../root.nsr', '/root.nsr', 'Root.nsr', 'root.nsr?who=me', 'root.nsr#', ' root.nsr', 'root.nsr\n', 'index.html',
    'https://elsewhere.example/root.nsr', '//elsewhere.example/root.nsr', 'roots/0.nsr', 'roots/01.nsr', 'roots/1', 'roots/12345678901.nsr', 'roots/../1.nsr',
    `releases/${hash}`, `releases/${hash}.nsh`, `chunks/${hash}0`, `chunks/${hash.toUpperCase()}`, `chunks/${hash.slice(1)}`, `patches/${hash}.nsp`, `log/${hash}`,
  ]) {
    await assert.rejects(fetchFile(folder, bad, 10, signal), { code: 'internal' }, bad);
  }
  assert.deepEqual(paths(), []);
  for (const good of ['root.nsr', 'head.nsh', 'roots/1.nsr', 'roots/4294967296.nsr', `releases/${hash}.nsm`, `chunks/${hash}`, `patches/${hash}`]) {
    files.set(good, new Uint8Array([1, 2, 3]));
    assert.deepEqual(await fetchFile(folder, good, 3, signal), new Uint8Array([1, 2, 3]));
    await assert.rejects(fetchFile(folder, good, 2, signal), { code: 'size', message: /\/news\/.*": more than 2 bytes$/ });
  }
  files.set('head.nsh', new Uint8Array(0));
  assert.equal((await fetchFile(folder, 'head.nsh', 0, signal)).length, 0);
  endless = '/news/root.nsr';
  const before = gone;
  await assert.rejects(fetchFile(folder, 'root.nsr', 1000, signal), { code: 'size' });
  while (gone === before) await new Promise((resolve) => setImmediate(resolve)); // no more is read
});

test('no more of the history than the manifest allows goes into a list', { skip }, async () => {
  const nearside = await opened();
  const { history } = nearside.manifest().limits;
  for (let i = 0; i < history + 5; i++) nearside.observe({ item: `item-${i}` });
  assert.deepEqual([history, (await nearside.recommend()).receipt.unknown], [20, 20]);
});

test('close ends a look', { skip }, async () => {
  const nearside = await opened();
  await nearside.updated;
  held = '/news/head.nsh';
  const looking = nearside.update();
  const before = gone;
  while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
  nearside.close();
  await assert.rejects(looking, { code: 'closed' });
  await assert.rejects(nearside.update(), { code: 'closed' });
  while (gone === before) await new Promise((resolve) => setImmediate(resolve)); // the fetch ends too
});

test('a bundle by itself has nothing newer', { skip }, async () => {
  const file = (/** @type {string} */ name) => new Uint8Array(readFileSync(new URL(`../../testdata/vectors/${name}`, import.meta.url)));
  const nearside = await opened({ channel: undefined, name: undefined, bundle: file('ials.nsb'), root: file('ials.nsr') });
  assert.equal(await nearside.updated, false);
  await assert.rejects(nearside.update(), { code: 'request', message: 'nearside: update: want a channel' });
});

test('without WebCrypto there is no channel', { skip }, async () => {
  const { crypto } = globalThis;
  Object.defineProperty(globalThis, 'crypto', { value: {}, configurable: true });
  try {
    await assert.rejects(opened(), { code: 'insecure' });
  } finally {
    Object.defineProperty(globalThis, 'crypto', { value: crypto, configurable: true });
  }
});

test('the requests are the same whoever asks', { skip }, async () => {
  /** @type {Set<string>} */
  const traces = new Set();
  for (let person = 0; person < 3; person++) {
    files = news('before');
    const nearside = await opened({ wasm: module });
    await nearside.updated;
    asked = [];
    const { items } = await nearside.items([person, 10 * person + 5, 700 + person]);
    items.forEach(({ id }, i) => nearside.observe({ item: id, kind: i < person ? 'like' : 'buy' }));
    await nearside.recommend({ k: 10 + person });
    await nearside.update();
    files = news();
    await nearside.update();
    await nearside.recommend();
    traces.add(asked.map(({ url, headers }) => `${url} ${JSON.stringify({ ...headers, host: '' })}`).join('\n'));
    await nearside.profile.erase();
  }
  assert.equal(traces.size, 1);
});
