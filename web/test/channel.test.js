// A channel that is followed, with the real module and a mirror in memory.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Channel } from '../channel.js';
import { NearsideError } from '../guest.js';
import { MemoryStore, same } from '../store.js';
import { name, news, now, read, root } from './mirror.js';

const wasm = new URL('../../wasm/bin/nearside.wasm', import.meta.url);
const skip = !existsSync(wasm) && 'wasm/bin/nearside.wasm is not built: run `make wasm`';
const module = skip ? undefined : await WebAssembly.compile(readFileSync(wasm));

/**
 * A device: a channel over a mirror's files. What it fetches is noted in asked.
 *
 * @param {import('./mirror.js').Files} files may be changed on the way
 * @param {Partial<import('../channel.js').Following>} [change]
 */
function device(files, change) {
  /** @type {string[]} */
  const asked = [];
  const store = change?.store ?? new MemoryStore();
  const channel = new Channel({
    name,
    module: /** @type {WebAssembly.Module} */ (module),
    store,
    fetch: async (file, max) => {
      asked.push(file);
      const bytes = files.get(file);
      if (!bytes) throw new NearsideError('network', `no file ${file}`);
      if (bytes.length > max) throw new NearsideError('size', `${file}: more than ${max} bytes`); // as load.js does
      return bytes.slice();
    },
    warn: assert.fail,
    ...change,
  });
  return { channel, store, files, asked };
}

/** What an answer says of the bundle. @param {Channel} channel */
function answer(channel) {
  const guest = channel.guest(now);
  const events = [{ item: guest.items([1]).items[0].id, kind: 'like', time: now, weight: 1 }]; // a list without a history is never early
  const { receipt, items } = guest.recommend({ k: 5, now, events, reasons: 0, exclude: [] });
  return { version: receipt.version, early: receipt.early, items: items.map(({ id }) => id) };
}

/** @param {string[]} names */
const chunksOf = (names) => names.filter((name) => name.startsWith('chunks/'));

/** @param {string[]} names */
const documents = (names) => names.filter((name) => !name.startsWith('chunks/')).map((name) => name.replace(/[0-9a-f]{64}/, '…'));

/** A store of which some calls do something else. @param {Partial<import('../store.js').Store>} change @param {import('../store.js').Store} store */
function changed(change, store = new MemoryStore()) {
  const calls = Object.fromEntries(['read', 'write', 'chunk', 'keep'].map((call) => [call, (/** @type {any[]} */ ...args) => /** @type {any} */ (store)[call](...args)]));
  return /** @type {import('../store.js').Store} */ ({ ...calls, ...change });
}

const patch = [...news().keys()].find((name) => name.startsWith('patches/')) ?? assert.fail();

test('a first visit, a second one, a new release', { skip }, async () => {
  const first = device(news('before'));
  await first.channel.restore(now);
  assert.equal(first.channel.open, false);
  assert.throws(() => first.channel.guest(now), { code: 'not-open' });
  assert.equal(await first.channel.update(root, now), true);
  assert.deepEqual(documents(first.asked), ['root.nsr', 'head.nsh', 'releases/….nsm']);
  assert.deepEqual([answer(first.channel).version, answer(first.channel).early, first.channel.whole], [1, false, true]);
  const had = chunksOf(first.asked);
  assert.equal(new Set(had).size, had.length);

  const second = device(new Map(), { store: first.store });
  await second.channel.restore(now);
  assert.deepEqual(answer(second.channel), answer(first.channel)); // offline
  await assert.rejects(second.channel.update(null, now), { code: 'network' });
  assert.equal(answer(second.channel).version, 1);
  assert.deepEqual(second.asked, ['root.nsr']);

  const third = device(news('before'), { store: first.store });
  await third.channel.restore(now);
  assert.equal(await third.channel.update(null, now), false);
  assert.deepEqual(third.asked, ['root.nsr', 'head.nsh']);
  news().forEach((file, name) => third.files.set(name, file));
  third.files.delete(patch);
  third.asked.length = 0;
  assert.equal(await third.channel.update(null, now), true);
  assert.deepEqual(documents(third.asked), ['root.nsr', 'roots/2.nsr', 'root.nsr', 'head.nsh', 'releases/….nsm', 'patches/…']);
  assert.deepEqual([answer(third.channel).version, third.channel.whole], [2, true]);
  const fetched = chunksOf(third.asked);
  assert.ok(fetched.length > 0 && fetched.every((chunk) => !had.includes(chunk)), 'a chunk that was there is fetched again');

  // Only the second one's chunks have stayed, and they are enough.
  const kept = await first.store.read();
  const parts = (kept?.bundle?.parts ?? []).flatMap((part) => ('hash' in part ? [part.hash] : []));
  const gone = had.filter((chunk) => !parts.includes(chunk.slice(7)));
  assert.ok(gone.length > 0 && gone.length < had.length, 'the releases want some chunks in common, and some not');
  for (const chunk of gone) assert.equal(await first.store.chunk(chunk.slice(7)), null);
  const fourth = device(new Map(), { store: first.store });
  await fourth.channel.restore(now);
  assert.deepEqual(answer(fourth.channel), answer(third.channel));
});

test('chunks come six at a time, in the order of the file, whatever order they arrive in', { skip }, async () => {
  const files = news('before');
  const plain = device(files);
  await plain.channel.update(root, now);
  let left = chunksOf(plain.asked).length;
  /** @type {(() => void)[]} */
  const waiting = [];
  /** @type {string[]} */
  const asked = [];
  /** @type {number[]} */
  const loaded = [];
  const { channel } = device(files, {
    fetch: (name) => new Promise((resolve) => {
      const arrive = () => resolve(/** @type {Uint8Array} */ (files.get(name)).slice());
      if (!name.startsWith('chunks/')) return arrive();
      asked.push(name);
      waiting.push(arrive);
      assert.ok(waiting.length <= 6);
      if (waiting.length < Math.min(6, left)) return;
      left -= waiting.length;
      for (const next of waiting.splice(0).reverse()) next();
    }),
    onProgress: (bytes) => loaded.push(bytes),
  });
  await channel.update(root, now);
  assert.equal(left, 0);
  assert.deepEqual(answer(channel), answer(plain.channel));
  assert.deepEqual(asked, chunksOf(plain.asked));
  assert.deepEqual(loaded, loaded.toSorted((a, b) => a - b));
});

test('a first bundle answers before its last rows have come; a newer one replaces a whole one only as a whole', { skip }, async () => {
  const files = news('before');
  /** @type {() => void} */
  let late = () => {};
  /** @type {string[]} */
  const used = [];
  const { channel, asked, store } = device(files);
  await channel.update(root, now);
  const all = chunksOf(asked);
  const last = all.at(-1); // scales of the rows that rescore
  const slow = () => device(files, {
    fetch: async (name) => {
      if (name === last) await new Promise((resolve) => (late = () => resolve(undefined)));
      return /** @type {Uint8Array} */ (files.get(name));
    },
    onUse: () => used.push('used'),
  });
  const first = slow();
  const updating = first.channel.update(root, now);
  while (!first.channel.open) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([answer(first.channel).early, first.channel.whole], [true, false]);
  assert.equal((await first.store.read())?.bundle, null);
  late();
  assert.equal(await updating, true);
  assert.deepEqual([answer(first.channel).early, first.channel.whole], [false, true]);
  assert.deepEqual(used, ['used', 'used']);

  news().forEach((file, name) => files.set(name, file));
  const next = device(files, { store, onUse: () => used.push(`version ${answer(next.channel).version}, early ${answer(next.channel).early}`) });
  used.length = 0;
  await next.channel.restore(now);
  await next.channel.update(null, now);
  assert.deepEqual(used, ['version 1, early true', 'version 1, early false', 'version 2, early false']);
});

test('every state is stored before the next file is asked for, and a bundle before it is used', { skip }, async () => {
  /** @type {string[]} */
  const log = [];
  const memory = new MemoryStore();
  const files = news();
  const { channel } = device(files, {
    store: changed({
      write: async (before, after, bundle) => {
        log.push('write');
        await new Promise((resolve) => setImmediate(resolve));
        log.push(bundle ? 'written, with a bundle' : 'written');
        return memory.write(before, after, bundle);
      },
    }, memory),
    fetch: async (name) => {
      if (!name.startsWith('chunks/')) log.push(...documents([name]));
      return /** @type {Uint8Array} */ (files.get(name));
    },
    onUse: () => channel.whole && log.push('used'),
  });
  await channel.update(root, now);
  assert.deepEqual(log, [
    'write', 'written', 'root.nsr', 'roots/2.nsr', 'write', 'written', 'root.nsr', 'head.nsh', 'write', 'written', 'releases/….nsm',
    'write', 'written', 'write', 'written, with a bundle', 'used',
  ]);
});

test('what came of an interrupted try is not fetched again', { skip }, async () => {
  const files = news('before');
  const whole = device(files);
  await whole.channel.update(root, now);
  const all = chunksOf(whole.asked);
  const half = device(new Map([...files].filter(([name]) => name !== all[7])));
  await assert.rejects(half.channel.update(root, now), { code: 'network' });
  await new Promise((resolve) => setImmediate(resolve)); // those that were on their way
  const rest = device(files, { store: half.store });
  await rest.channel.restore(now);
  assert.equal(rest.channel.open, false);
  assert.equal(await rest.channel.update(null, now), true);
  const again = chunksOf(rest.asked);
  assert.ok(again.includes(all[7]) && again.length <= all.length - 7, `fetched ${again.length} of ${all.length}`);
  assert.deepEqual([...again, ...chunksOf(half.asked)].toSorted(), [...all, all[7]].toSorted());
});

test('a chunk that is another is refused, and is not kept', { skip }, async () => {
  for (const [what, change, code] of /** @type {[string, (chunk: Uint8Array) => Uint8Array, string][]} */ ([
    ['a bit', (chunk) => { chunk[chunk.length - 1] ^= 1; return chunk; }, 'hash'],
    ['cut short', (chunk) => chunk.subarray(1), 'hash'],
    ['empty', () => new Uint8Array(0), 'hash'],
    ['a byte more', (chunk) => new Uint8Array(chunk.length + 1), 'size'],
  ])) {
    const { channel, files, asked, store } = device(news('before'));
    const whole = device(news('before'));
    await whole.channel.update(root, now);
    const victim = chunksOf(whole.asked)[2];
    const right = /** @type {Uint8Array} */ (files.get(victim));
    files.set(victim, change(right.slice()));
    await assert.rejects(channel.update(root, now), { code }, what);
    assert.equal(await store.chunk(victim.slice(7)), null, what);
    files.set(victim, right);
    asked.length = 0;
    await channel.update(null, now);
    assert.equal(answer(channel).version, 1);
  }
});

test('a newer release that is not in order leaves the last good one, on the next visit too', { skip }, async () => {
  const { channel, store, files, asked } = device(news('before'));
  await channel.update(root, now);
  const before = answer(channel);
  const had = asked.splice(0);
  news().forEach((file, name) => files.set(name, had.includes(name) || !/^(chunks|patches)/.test(name) ? file : new Uint8Array(file.length)));
  await assert.rejects(channel.update(null, now), { code: 'hash' });
  assert.deepEqual(answer(channel), before);
  const next = device(files, { store });
  await next.channel.restore(now);
  assert.deepEqual(answer(next.channel), before);
  // The state has moved on all the same: nobody can go back behind it.
  const old = device(news('before'), { store });
  await assert.rejects(old.channel.update(null, now), { code: 'rollback' });
});

test('a patch that takes fewer bytes than the chunks gives the chunks, as far as it is right', { skip }, async () => {
  const chunks = device(news());
  await chunks.channel.update(root, now);
  /** @type {string[]} */
  let fetched = [];
  for (const [what, change, whole] of /** @type {[string, (files: import('./mirror.js').Files) => void, boolean][]} */ ([
    ['right', () => {}, true],
    ['missing', (files) => files.delete(patch), false],
    ['a bit', (files) => { const bad = files.get(patch)?.slice() ?? assert.fail(); bad[9] ^= 1; files.set(patch, bad); }, false],
    ['cut', (files) => files.set(patch, files.get(patch)?.slice(1) ?? assert.fail()), false],
    ['longer', (files) => files.set(patch, new Uint8Array(10 ** 6)), false],
    ['another one that does the same', (files) => {
      const other = files.get(patch)?.slice() ?? assert.fail();
      other[Buffer.from(other).indexOf(Buffer.of(0x1f, 0x8b, 8)) + 4] ^= 1; // the time in gzip's head, which nobody reads
      files.set(patch, other);
    }, false],
  ])) {
    const { channel, store, files, asked } = device(news('before'));
    await channel.update(root, now);
    asked.length = 0;
    news().forEach((file, name) => files.set(name, file));
    change(files);
    assert.equal(await channel.update(null, now), true, what);
    assert.deepEqual(answer(channel), answer(chunks.channel), what);
    assert.equal(asked.filter((name) => name === patch).length, 1, what);
    assert.equal(chunksOf(asked).length > 0, !whole, what);
    fetched = chunksOf(asked);
    const next = device(new Map(), { store });
    await next.channel.restore(now);
    assert.deepEqual(answer(next.channel), answer(chunks.channel), what);
  }

  // What is spoilt on the disk spoils what the patch makes of it, and nothing else.
  const memory = new MemoryStore();
  /** @type {string[]} */
  const kept = [];
  const spoilt = device(news('before'), {
    store: changed({
      chunk: async (hash) => {
        const chunk = await memory.chunk(hash);
        return chunk && !fetched.includes(`chunks/${hash}`) ? new Uint8Array(chunk.length) : chunk;
      },
      keep: async (hash, bytes) => {
        kept.push(`chunks/${hash}`);
        assert.equal(createHash('sha256').update(Buffer.of(0)).update(bytes).digest('hex'), hash);
        return memory.keep(hash, bytes);
      },
    }, memory),
    warn: (message) => kept.push(message),
  });
  await spoilt.channel.update(root, now);
  news().forEach((file, name) => spoilt.files.set(name, file));
  kept.length = 0;
  assert.equal(await spoilt.channel.update(null, now), true);
  assert.deepEqual(answer(spoilt.channel), answer(chunks.channel));
  assert.ok(spoilt.asked.includes(patch) && kept.every((name) => name.startsWith('chunks/')), `${kept}`);
  assert.deepEqual(kept.filter((name) => fetched.includes(name)).toSorted(), fetched.toSorted());

  // What an interrupted try has left makes the chunks the shorter way.
  const { channel, files, asked } = device(news('before'));
  await channel.update(root, now);
  news().forEach((file, name) => files.set(name, file));
  files.delete(patch);
  const last = fetched.at(-1) ?? assert.fail();
  const late = files.get(last) ?? assert.fail();
  files.delete(last);
  await assert.rejects(channel.update(null, now), { code: 'network' });
  asked.length = 0;
  files.set(last, late);
  files.set(patch, news().get(patch) ?? assert.fail());
  await channel.update(null, now);
  assert.deepEqual(asked.slice(3), [last]);
});

test('a patch from another bundle is not asked for', { skip }, async () => {
  const { channel, asked } = device(news());
  await channel.update(root, now);
  assert.ok(!asked.some((name) => name.startsWith('patches/')));
});

test('a bundle that is lost or spoilt on the disk comes again', { skip }, async () => {
  for (const [what, spoil] of /** @type {[string, (chunk: Uint8Array) => Uint8Array | null][]} */ ([
    ['lost', () => null],
    ['a bit', (chunk) => { const bad = chunk.slice(); bad[0] ^= 1; return bad; }],
    ['cut', (chunk) => chunk.subarray(1)],
  ])) {
    const memory = new MemoryStore();
    const { channel, asked, files } = device(news('before'), { store: memory });
    await channel.update(root, now);
    const spoilt = chunksOf(asked)[1];
    /** @type {Set<string>} */
    const healed = new Set();
    const store = changed({
      chunk: async (hash) => {
        const chunk = await memory.chunk(hash);
        return chunk && `chunks/${hash}` === spoilt && !healed.has(hash) ? spoil(chunk) : chunk;
      },
      keep: async (hash, bytes) => {
        healed.add(hash);
        return memory.keep(hash, bytes);
      },
    }, memory);
    const next = device(files, { store });
    await next.channel.restore(now);
    assert.throws(() => next.channel.guest(now), { code: what === 'lost' ? 'storage' : what === 'a bit' ? 'hash' : 'syntax' }, what);
    assert.equal(await next.channel.update(null, now), true, what);
    assert.deepEqual(chunksOf(next.asked), [spoilt], what);
    assert.equal(answer(next.channel).version, 1);
  }
});

test('two tabs never write a lower state, and end with the same one', { skip }, async () => {
  const store = new MemoryStore();
  const first = device(news('before'), { store });
  await first.channel.update(root, now);
  const old = /** @type {Uint8Array} */ ((await store.read())?.state);

  // The one tab holds the old head in its hands while the other goes on.
  const behind = news('before');
  /** @type {(go: () => void) => void} */
  let hold = () => {};
  const held = new Promise((resolve) => (hold = resolve));
  const slow = device(behind, {
    store,
    fetch: async (name) => {
      if (name === 'head.nsh') await new Promise((resolve) => hold(() => resolve(undefined)));
      return /** @type {Uint8Array} */ (behind.get(name));
    },
  });
  await slow.channel.restore(now);
  const updating = slow.channel.update(null, now);
  const go = await held;
  const fast = device(news(), { store });
  await fast.channel.restore(now);
  await fast.channel.update(null, now);
  const high = /** @type {Uint8Array} */ ((await store.read())?.state);
  assert.ok(!same(old, high));
  go();
  assert.equal(await updating, false); // the head was the known one: there was nothing to write
  assert.ok(same(/** @type {any} */ (await store.read()).state, high));

  // Next time it finds what the other tab has brought, before anything is fetched.
  const none = device(new Map(), { store });
  assert.equal(answer(slow.channel).version, 1);
  await assert.rejects(slow.channel.update(null, now), { code: 'rollback' }); // its mirror is behind
  assert.equal(answer(slow.channel).version, 2);
  await none.channel.restore(now);
  assert.deepEqual(answer(none.channel), answer(slow.channel));
});

/** A store in which another tab makes a whole update before one of this tab's writes. @param {number} at which */
function overtaken(at) {
  const memory = new MemoryStore();
  let writes = 0;
  const store = changed({
    write: async (before, after, bundle) => {
      if (writes++ === at) await device(news(), { store: memory }).channel.update(root, now);
      return memory.write(before, after, bundle);
    },
  }, memory);
  return { memory, store };
}

test('a state that another tab has moved on is taken up', { skip }, async () => {
  // Before each of this tab's writes another one makes a whole update, once.
  for (let at = 0; at < 5; at++) {
    const { memory, store } = overtaken(at);
    const { channel } = device(news(), { store });
    await channel.update(root, now);
    assert.equal(answer(channel).version, 2);
    assert.ok((await memory.read())?.bundle, `write ${at}`);
    const next = device(new Map(), { store: memory });
    await next.channel.restore(now);
    assert.equal(answer(next.channel).version, 2, `write ${at}`);
  }
  // The same when this tab's mirror is behind: it must not get the better of what the other has seen.
  for (let at = 0; at < 4; at++) {
    const { store } = overtaken(at);
    const { channel } = device(news('before'), { store });
    await assert.rejects(channel.update(root, now), { code: 'rollback' }, `write ${at}`);
    assert.equal(answer(channel).version, 2, `write ${at}`);
  }
});

test('a store that fails stops the update where it is', { skip }, async () => {
  const full = new Error('quota exceeded');
  for (let at = 0; at < 5; at++) {
    const memory = new MemoryStore();
    let writes = 0;
    const { channel, asked } = device(news(), {
      store: changed({ write: async (...args) => (writes++ === at ? Promise.reject(full) : memory.write(...args)) }, memory),
    });
    await assert.rejects(channel.update(root, now), { name: 'NearsideError', code: 'storage', message: 'channel: quota exceeded', cause: full });
    const before = [...asked];
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(asked, before, 'it went on');
    assert.equal(channel.whole, false);
    assert.equal(await device(news(), { store: memory }).channel.update(root, now), true); // nothing is wedged
  }
  const { channel } = device(news(), { store: changed({ read: () => Promise.reject(full) }) });
  await assert.rejects(channel.restore(now), { code: 'storage' });
});

test('chunks that cannot be kept are a warning, and come again next time', { skip }, async () => {
  /** @type {string[]} */
  const warnings = [];
  const memory = new MemoryStore();
  const store = changed({ keep: async () => { throw new Error('quota exceeded'); } }, memory);
  const { channel, asked } = device(news('before'), { store, warn: (message) => warnings.push(message) });
  assert.equal(await channel.update(root, now), true);
  assert.deepEqual(warnings, ['channel: cannot keep chunks: quota exceeded']);
  assert.equal(await channel.update(null, now), false); // it is in use, if not on the disk
  assert.deepEqual([(await memory.read())?.bundle, answer(channel).version], [null, 1]);
  const next = device(news('before'), { store: memory });
  await next.channel.restore(now);
  assert.equal(await next.channel.update(null, now), true);
  assert.deepEqual(next.asked, asked.slice(0, next.asked.length));
});

test('a frozen channel is told, and the last good bundle goes on until it expires', { skip }, async () => {
  const { channel } = device(news('before'));
  await channel.update(root, now);
  const day = 86400;
  await assert.rejects(channel.update(null, now + 8 * day), { code: 'head-expired' });
  assert.ok(channel.guest(now + 29 * day));
  assert.throws(() => channel.guest(now + 30 * day), { code: 'expired', message: 'channel: version 1 is past its expiry' });
  assert.throws(() => channel.guest(now), { code: 'expired' }, 'it does not come back to life');
});

test('a clock that is set back does not make a bundle good for longer', { skip }, async () => {
  const { channel, files } = device(news('before'));
  await channel.update(root, now);
  // The head of another day names a release that does not come.
  files.clear();
  news('later').forEach((file, name) => name.startsWith('releases/') || files.set(name, file));
  await assert.rejects(channel.update(null, now), { code: 'network' });
  assert.throws(() => channel.guest(now), { code: 'expired' });
});

test('an engine that miscomputes serves nobody', { skip }, async () => {
  const { channel, files, store } = device(news('miscomputes'));
  /** @type {string[]} */
  const used = [];
  const first = device(files, { onUse: () => used.push(first.channel.whole ? 'whole' : 'early') });
  await assert.rejects(first.channel.update(root, now), { code: 'known-answer' });
  assert.deepEqual(used, ['early']); // what is wrong shows when the last rows have come
  assert.throws(() => first.channel.guest(now), { code: 'known-answer' });
  // Whoever has a good one keeps it.
  news('before').forEach((file, name) => files.set(name, file));
  await channel.update(root, now);
  news('miscomputes').forEach((file, name) => files.set(name, file));
  await assert.rejects(channel.update(null, now), { code: 'known-answer' });
  assert.equal(answer(channel).version, 1);
  const next = device(new Map(), { store });
  await next.channel.restore(now);
  assert.equal(answer(next.channel).version, 1);
});

test('what the publisher has stopped is not used any more, come what may', { skip }, async () => {
  const { channel, files, store } = device(news('before'));
  await channel.update(root, now);
  assert.equal(answer(channel).version, 1);

  // The first one is stopped, the next is on its way, and the way breaks off.
  const next = news('first-stopped');
  files.clear();
  next.forEach((file, name) => name.startsWith('releases/') || files.set(name, file));
  await assert.rejects(channel.update(null, now), { code: 'network' });
  assert.throws(() => channel.guest(now), { code: 'stopped', message: 'channel: the publisher has stopped version 1' });
  const visit = device(next, { store });
  await visit.channel.restore(now);
  assert.throws(() => visit.channel.guest(now), { code: 'stopped', message: /^guest: open: / });
  assert.equal(await visit.channel.update(null, now), true);
  assert.equal(answer(visit.channel).version, 2);

  // All are stopped.
  next.set('head.nsh', read('all-stopped/head.nsh'));
  const message = 'channel: the publisher has stopped every version';
  await assert.rejects(visit.channel.update(null, now), { code: 'stopped', message });
  assert.throws(() => visit.channel.guest(now), { code: 'stopped' });
  await assert.rejects(device(next).channel.update(root, now), { code: 'stopped', message });
});

test('under a new root the bundle in use is opened anew', { skip }, async () => {
  const { channel, files, asked, store } = device(news('before'));
  await channel.update(root, now);
  const before = answer(channel);
  const resigned = news('other-signers');
  resigned.forEach((file, name) => name.startsWith('releases/') || files.set(name, file));
  asked.length = 0;
  // Who has signed it may not any more.
  await assert.rejects(channel.update(null, now), { code: 'signature' });
  assert.deepEqual(answer(channel), before);
  const next = device(new Map(), { store });
  await next.channel.restore(now);
  assert.throws(() => next.channel.guest(now), { code: 'signature', message: /^guest: open: / });

  // Others have signed it anew: nothing but its manifest travels.
  resigned.forEach((file, name) => files.set(name, file));
  asked.length = 0;
  assert.equal(await channel.update(null, now), false);
  assert.deepEqual(documents(asked), ['root.nsr', 'head.nsh', 'root.nsr', 'head.nsh', 'releases/….nsm']);
  assert.deepEqual(chunksOf(asked), []);
  assert.deepEqual(answer(channel), before);
  await next.channel.restore(now);
  assert.deepEqual(answer(next.channel), before);

  // A root with the same signers changes nothing.
  const plain = device(news('before'));
  await plain.channel.update(root, now);
  const guest = plain.channel.guest(now);
  plain.files.clear();
  news().forEach((file, name) => plain.files.set(name, file));
  plain.files.set('head.nsh', new Uint8Array(0));
  await assert.rejects(plain.channel.update(null, now), { code: 'envelope' });
  assert.equal(plain.channel.guest(now), guest);
});

test('a release for certain modules wants to know the module', { skip }, async () => {
  const right = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode('a module')));
  for (const [digest, code] of /** @type {[Uint8Array | undefined, string][]} */ ([[undefined, 'module'], [new Uint8Array(32), 'module'], [right, '']])) {
    const { channel } = device(news('for-a-module'), { digest });
    if (code) await assert.rejects(channel.update(root, now), { code });
    else assert.equal(await channel.update(root, now), true);
  }
});

test('a chunk of no bytes is not fetched', { skip }, async () => {
  const { channel, asked, files } = device(news('no-neighbours'));
  await channel.update(root, now);
  assert.equal(answer(channel).version, 3);
  assert.ok([...files.values()].some(({ length }) => length === 0));
  assert.ok(chunksOf(asked).every((chunk) => files.get(chunk)?.length));
});

test('another root, another name, no state', { skip }, async () => {
  const { channel } = device(news('before'));
  await assert.rejects(channel.update(read('news/root.nsr'), now), { code: 'rollback' });
  await assert.rejects(device(news('before'), { name: 'test/other' }).channel.update(root, now), { code: 'channel' });
  await assert.rejects(device(news('before'), { name: 'No name' }).channel.update(root, now), { code: 'request' });
  await assert.rejects(device(news('before')).channel.update(null, now), { code: 'storage', message: 'channel: the state is gone; open again' });
});

test('what is asked for depends on the channel alone, whatever has been asked', { skip }, async () => {
  /** @type {Set<string>} */
  const traces = new Set();
  for (let person = 0; person < 8; person++) {
    const { channel, asked, files } = device(news('before'));
    await channel.update(root, now);
    const { items } = channel.guest(now).items(Array.from({ length: 50 }, (_, i) => 7 * i));
    for (let i = 0; i <= person; i++) {
      const events = items.slice(person, 2 * person + i + 1).map(({ id }) => ({ item: id, kind: 'like', time: now, weight: 1 + person % 3 }));
      channel.guest(now).recommend({ k: 10 + person, now, events, reasons: 3, exclude: [] });
    }
    await channel.update(null, now);
    news().forEach((file, name) => files.set(name, file));
    await channel.update(null, now);
    traces.add(asked.join('\n'));
  }
  assert.equal(traces.size, 1);
});
