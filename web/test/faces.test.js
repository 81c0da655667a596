// The faces: their sizes, and what live.js does with a model that is made up. What
// they do in a page is in faces_test.go.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'esbuild';
import { createElement, StrictMode } from 'react';
import { renderToString } from 'react-dom/server';
import { createSSRApp, effectScope, h, nextTick, reactive, ref } from 'vue';
import { renderToString as renderVue } from 'vue/server-renderer';
import { recommendations, recommender } from '../faces/live.js';
import { NearsideProvider, useRecommendations, useRecommender } from '../faces/react.js';
import * as svelte from '../faces/svelte.js';
import * as vue from '../faces/vue.js';

const most = 2048;

test('each face has at most 2 KB, the core not counted', async (t) => {
  const size = async (/** @type {string} */ name) => {
    const { outputFiles: [{ contents }] } = await build({
      entryPoints: [new URL(`../faces/${name}.js`, import.meta.url).pathname],
      bundle: true, minify: true, write: false, format: 'esm', target: 'es2022', ignoreAnnotations: true,
      external: ['../nearside.js', 'react', 'vue'],
    });
    return brotliCompressSync(contents).length;
  };
  const sizes = Object.fromEntries(await Promise.all(['feed', 'why', 'privacy', 'react', 'vue', 'svelte'].map(async (name) => [name, await size(name)])));
  const together = await size('element');
  t.diagnostic(`${Object.entries(sizes).map((entry) => entry.join(' ')).join(', ')}; the three elements together ${together}`);
  for (const [name, bytes] of Object.entries(sizes)) assert.ok(bytes <= most, `faces/${name}.js: ${bytes} bytes with brotli, want at most ${most}`);
  const [, said] = /the three elements together ([\d.]+) kB/.exec(readme) ?? [];
  assert.ok(Math.abs((1000 * Number(said)) / together - 1) < 0.03, `README.md says ${said} kB for the three elements, it is ${together} bytes`);
});

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

test('what the README shows of an example is in it', () => {
  const shown = [...readme.matchAll(/`(examples\/[\w/.]+)`[^`]*\n\n```\w+\n(.*?)```/gs)];
  assert.deepEqual(shown.map(([, path]) => path), ['examples/react/foryou.js', 'examples/vue/foryou.js', 'examples/svelte/ForYou.svelte']);
  for (const [, path, text] of shown) {
    const body = readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
    for (const part of text.split('…\n')) assert.ok(body.includes(part), `${path} does not have\n${part}`);
  }
});

/** A model whose lists come when the test says so. */
class Model {
  profile = new EventTarget();
  /** @type {{asked: any, signal: AbortSignal, answer: (ids: string) => void, fail: (error: Error) => void}[]} */
  calls = [];
  /** @type {any[]} */
  observed = [];
  /** @type {(value: any) => void} */
  complete = () => {};
  /** @type {(value: any) => void} */
  update = () => {};
  completed = new Promise((resolve) => (this.complete = resolve));
  updated = new Promise((resolve) => (this.update = resolve));
  early = false;

  /** @param {any} asked @param {{signal: AbortSignal}} calling */
  recommend(asked, { signal }) {
    return new Promise((resolve, reject) => {
      const answer = (/** @type {string} */ ids) => resolve({ items: [...ids].map((id) => ({ id, index: id.charCodeAt(0), title: id.toUpperCase(), score: 1, reasons: [] })), receipt: { early: this.early } });
      this.calls.push({ asked, signal, answer, fail: reject });
      signal.addEventListener('abort', () => reject(new Error('aborted')));
    });
  }

  /** @param {number[]} indices */
  async items(indices) {
    return { count: 26, items: indices.map((index) => ({ index, id: String.fromCharCode(index), url: `/${index}` })) };
  }

  /** @param {any} event */
  observe(event) {
    this.observed.push(event);
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve));

/** A list of a model, and every state that it has told. @param {any} [asked] @param {any} [items] */
function follow(asked, items) {
  const model = new Model();
  const list = recommendations(/** @type {any} */ (model), asked, items);
  /** @type {string[]} */
  const told = [];
  const end = list.subscribe(({ status, items }) => told.push(`${status} ${items.map(({ id }) => id).join('')}`));
  return { model, list, told, end };
}

test('the first list takes the place of what was there, with what the catalogue says', async () => {
  const { model, list, told } = follow({ k: 2 }, [{ id: 'z', title: 'Z' }]);
  assert.deepEqual(told, ['waiting z']);
  await turn();
  assert.deepEqual(model.calls.map(({ asked }) => asked), [{ k: 2 }]);
  model.calls[0].answer('ab');
  await turn();
  assert.deepEqual(told, ['waiting z', 'ready ab']);
  assert.deepEqual(list.get().items[1], { id: 'b', index: 98, url: '/98', title: 'B', score: 1, reasons: [] });
});

test('what comes in one turn makes one list, and a list that is late is dropped', async () => {
  const { model, list, told } = follow();
  list.observe({ item: 'x' });
  model.profile.dispatchEvent(new Event('change'));
  const done = list.refresh();
  await turn();
  assert.equal(model.calls.length, 1);
  list.observe({ item: 'y' });
  list.observe({ item: 'z' });
  await turn();
  assert.equal(model.calls.length, 1, 'one at a time: a worker cannot be interrupted');
  model.calls[0].answer('a');
  await turn();
  assert.deepEqual([model.calls.length, told], [2, ['waiting ']]);
  model.calls[1].answer('b');
  await done;
  assert.deepEqual(told, ['waiting ', 'ready b']);
  assert.deepEqual(model.observed, [{ item: 'x' }, { item: 'y' }, { item: 'z' }]);
});

test('two lists of one model follow what either is told', async () => {
  const { model, list } = follow();
  const other = recommendations(/** @type {any} */ (model), { k: 3 });
  other.subscribe(() => {});
  await turn();
  model.calls.forEach(({ answer }) => answer('a'));
  await turn();
  list.observe({ item: 'a' });
  await turn();
  assert.equal(model.calls.length, 4);
});

test('the rest of the bundle makes another list when the first was early, and a newer bundle always does', async () => {
  for (const [early, newer, lists] of /** @type {[boolean, boolean, number][]} */ ([[false, false, 1], [true, false, 2], [false, true, 2]])) {
    const { model } = follow();
    model.early = early;
    await turn();
    model.calls[0].answer('a');
    await turn();
    model.complete(undefined);
    model.update(newer);
    await turn();
    assert.equal(model.calls.length, lists, `early ${early}, newer ${newer}`);
  }
});

test('a failure keeps the items, and the next list makes it good', async () => {
  const { model, list, told } = follow();
  await turn();
  model.calls[0].answer('a');
  await turn();
  list.refresh();
  await turn();
  model.calls[1].fail(new Error('expired'));
  await turn();
  assert.equal(list.get().error.message, 'expired');
  list.ask({ k: 1 });
  await turn();
  model.calls[2].answer('b');
  await turn();
  assert.equal(list.get().error, undefined);
  assert.deepEqual(told, ['waiting ', 'ready a', 'failed a', 'ready b']);
});

test('rows that are of another bundle by now are asked for again', async () => {
  const { model, told } = follow();
  const { items } = model;
  model.items = async () => ({ count: 26, items: [{ index: 97, id: 'q', url: '' }] });
  await turn();
  model.calls[0].answer('a');
  await turn();
  model.items = items;
  model.calls[1].answer('a');
  await turn();
  assert.deepEqual(told, ['waiting ', 'ready a']);
});

test('after the last subscriber nothing is asked, and what is under way is given up', async () => {
  const { model, list, told, end } = follow();
  await turn();
  end();
  assert.ok(!model.calls[0].signal.aborted, 'whoever comes back in the same turn loses nothing');
  const again = list.subscribe(() => {});
  await turn();
  assert.deepEqual([model.calls.length, model.calls[0].signal.aborted], [1, false]);
  again();
  await turn();
  assert.ok(model.calls[0].signal.aborted);
  model.profile.dispatchEvent(new Event('change'));
  model.update(true);
  await list.refresh();
  assert.deepEqual([model.calls.length, told], [1, ['waiting ']]);
  list.subscribe(() => {});
  await turn();
  assert.equal(model.calls.length, 2);
});

test('what is observed before the model is open is kept until then', async () => {
  const model = new Model();
  /** @type {(opened: any) => void} */
  let tell = () => {};
  const list = recommendations({ subscribe: (listener) => ((tell = listener), listener({}), () => {}) });
  list.subscribe(() => {});
  list.observe({ item: 'a' });
  tell({ nearside: model });
  tell({ nearside: model });
  await turn();
  assert.deepEqual([model.observed, model.calls.length], [[{ item: 'a' }], 1]);
});

test('no proxy reaches the worker', async () => {
  const unavailable = new Uint8Array(1);
  const { model } = follow(new Proxy({ context: new Proxy(['a'], {}), filter: new Proxy({ exclude: new Proxy(['b'], {}), unavailable }, {}) }, {}));
  await turn();
  assert.deepEqual(structuredClone(model.calls[0].asked), { context: ['a'], filter: { exclude: ['b'], unavailable } });
});

const wrong = /** @type {any} */ ({ root: new Uint8Array(1) });

test('a model that does not open has failed, and its list too', async () => {
  Object.assign(globalThis, { document: {} });
  try {
    const source = recommender(wrong);
    const list = recommendations(source);
    const state = await new Promise((resolve) => list.subscribe((state) => state.error && resolve(state)));
    assert.deepEqual([state.status, state.error.code, source.get().status], ['failed', 'request', 'failed']);
    await new Promise((resolve) => source.subscribe(resolve));
  } finally {
    Reflect.deleteProperty(globalThis, 'document');
  }
});

test('on a server nothing is opened, and the list is what it has', async () => {
  const initialItems = [{ id: 'a', title: 'A' }];
  const List = () => {
    const { items, status } = useRecommendations({ k: 1, initialItems });
    return createElement('p', null, `${useRecommender().status} ${status} ${items[0].title}`);
  };
  assert.equal(renderToString(createElement(StrictMode, null, createElement(NearsideProvider, { options: wrong }, createElement(List)))), '<p>opening waiting A</p>');
  const Own = () => createElement('p', null, useRecommendations({ nearside: useRecommender(wrong).nearside, initialItems }).items[0].title);
  assert.equal(renderToString(createElement(Own)), '<p>A</p>');

  const app = createSSRApp({
    setup() {
      const { nearside, status } = vue.useRecommender(wrong);
      const { items } = vue.useRecommendations({ nearside, initialItems });
      return () => h('p', `${status.value} ${items.value[0].title}`);
    },
  });
  assert.equal(await renderVue(app), '<p>opening A</p>');

  const opened = svelte.recommender(wrong);
  const end = svelte.recommendations(opened, {}, initialItems).subscribe(({ items }) => assert.equal(items[0].title, 'A'));
  await turn();
  assert.equal(opened.get().status, 'opening');
  end();
});

test('hooks want a provider or options', () => {
  assert.throws(() => renderToString(createElement(() => useRecommender() && null)), /want options, or a NearsideProvider above/);
});

test('in Vue the list follows what is reactive, until the scope ends', async () => {
  const model = new Model();
  const k = ref(1);
  const filter = reactive({ exclude: ['x'] });
  const nearside = ref();
  const failure = ref();
  const scope = effectScope();
  const { items, error, status } = /** @type {ReturnType<typeof vue.useRecommendations>} */ (scope.run(() => vue.useRecommendations({ nearside, error: failure, k, filter })));
  nearside.value = model;
  await nextTick();
  await turn();
  assert.deepEqual(structuredClone(model.calls[0].asked), { k: 1, filter: { exclude: ['x'] } });
  model.calls[0].answer('a');
  await turn();
  assert.deepEqual([items.value.map(({ id }) => id), status.value, error.value], [['a'], 'ready', undefined]);
  k.value = 2;
  filter.exclude.push('y');
  await turn();
  assert.deepEqual(model.calls[1].asked, { k: 2, filter: { exclude: ['x', 'y'] } });
  failure.value = new Error('expired');
  await nextTick();
  assert.deepEqual([error.value?.message, status.value, items.value.length], ['expired', 'failed', 1]);
  scope.stop();
  await turn();
  assert.ok(model.calls[1].signal.aborted);
});
