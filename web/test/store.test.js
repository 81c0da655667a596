import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStore, openStore } from '../store.js';
import { runStore } from './store.js';

test('memory is a store', async () => {
  /** @type {Map<string, MemoryStore>} */
  const stores = new Map();
  const wrong = await runStore(async (name) => {
    const store = stores.get(name) ?? new MemoryStore();
    stores.set(name, store);
    return store;
  });
  assert.deepEqual(wrong, []);
});

test('where there is no IndexedDB, or it fails to open, memory is used and a warning given', async () => {
  /** @type {(open: () => any) => any} */
  const over = (open) => Object.defineProperty(globalThis, 'indexedDB', { configurable: true, get: open });
  const refused = () => {
    const request = { error: new Error('denied') };
    queueMicrotask(() => /** @type {any} */ (request).onerror());
    return { open: () => request };
  };
  for (const [open, message] of /** @type {[() => any, RegExp][]} */ ([
    [() => undefined, /^store: no IndexedDB: .*; keeping the channel until the page closes$/],
    [() => { throw new Error('insecure'); }, /no IndexedDB: insecure;/],
    [refused, /no IndexedDB: denied;/],
  ])) {
    over(open);
    /** @type {string[]} */
    const warnings = [];
    const store = await openStore('a', (warning) => warnings.push(warning));
    assert.equal(await store.write(null, new Uint8Array(1)), true);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0], message);
  }
  delete (/** @type {any} */ (globalThis).indexedDB);
});
