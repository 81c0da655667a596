// The module's own thread: a long bundle opens and a large catalogue is ranked
// here while the page stays responsive. The page starts it with
//
//   new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
//
// and nearside.js is its only caller. A message in is {id, name, args}; a
// message out is {id, value} or {id, error: {code, message}}, or {name, args} for
// what the worker tells or wants. The bundle comes
// in chunks whose memory is handed over. The worker sends
// no request of its own: serve it with connect-src 'none' and the browser will
// see to that. What it needs of a channel it asks the page for, by name.

import { Channel } from './channel.js';
import { instantiate, NearsideError } from './guest.js';
import { readManifest } from './manifest.js';
import { openStore } from './store.js';

/** How many items the module describes in one call, see ABI.md. */
const itemsPerCall = 4096;

/** @typedef {Awaited<ReturnType<typeof instantiate>>} Guest */

/** The instance of a bundle that stands alone. @type {Guest} */
let guest;

/** What is followed, otherwise; it has the instance that is in use. @type {Channel | undefined} */
let channel;

/** @type {import('./store.js').Store} */
let store;

/** Called when a bundle of the channel has come into use. */
let used = () => {};

/** Files that the page is fetching. @type {Map<number, {resolve: (file: Uint8Array) => void, reject: (error: NearsideError) => void}>} */
const fetching = new Map();
let fetches = 0;

/** @type {ReturnType<typeof guest.receive>} */
let arriving;

/** @type {(Uint8Array | null)[]} the bundle's chunks that wait to be written; null: its end */
const chunks = [];

/** Whether the end has been taken. */
let ended = false;

/** Called when there is a chunk. */
let wake = () => {};

/** @type {Map<string, number>} rows by id, of the items that have passed by */
const rows = new Map();

/** Whose items these are. @type {Guest | undefined} */
let asked;

/** Its manifest. @type {import('./manifest.js').Manifest} */
let manifest;

/** So many of the catalogue's first items have been read for their ids. */
let known = 0;

const calls = {
  /** @param {WebAssembly.Module} module */
  async load(module) {
    guest = await instantiate(module);
  },

  /**
   * Looks for what is stored of a channel.
   *
   * @param {string} name
   * @returns {Promise<boolean>} whether there is a state, so that no root is needed
   */
  async find(name) {
    store = await openStore(name, (message) => tell('warn', message));
    return (await store.read()) !== null;
  },

  /**
   * Follows a channel from what is stored.
   *
   * @param {{name: string, module: WebAssembly.Module, digest?: Uint8Array, now: number}} following
   *   digest of the module, where it is known
   * @returns {Promise<{manifest: Uint8Array, whole: boolean} | null>} null: there
   *   is no bundle that is still good
   */
  async follow({ name, module, digest, now }) {
    channel = new Channel({
      name, module, digest, store,
      fetch: (file, max) => new Promise((resolve, reject) => {
        fetching.set(fetches, { resolve, reject });
        tell('fetch', fetches++, file, max);
      }),
      onUse: () => used(),
      onProgress: (loaded, total) => tell('progress', { stage: 'bundle', loaded, total }),
      warn: (message) => tell('warn', message),
    });
    await channel.restore(now);
    return channel.open ? { manifest: channel.guest(now).manifest(), whole: channel.whole } : null;
  },

  /** What has come of fetch. @param {number} id @param {Uint8Array | null} file @param {{code: string, message: string} | null} error */
  fetched(id, file, error) {
    const { resolve, reject } = fetching.get(id) ?? {};
    fetching.delete(id);
    if (file) resolve?.(file);
    else if (error) reject?.(new NearsideError(error.code, error.message));
  },

  /** Waits until a bundle of the channel can answer. @param {number} now */
  async inUse(now) {
    const followed = /** @type {Channel} */ (channel);
    while (!followed.open) await new Promise((resolve) => (used = () => resolve(undefined)));
    return followed.guest(now).manifest();
  },

  /**
   * Looks for a newer release of the channel.
   *
   * @param {Uint8Array | null} root to begin with
   * @param {number} now
   * @returns {Promise<Uint8Array | null>} the manifest, when another bundle is in use
   */
  async update(root, now) {
    const followed = /** @type {Channel} */ (channel);
    return (await followed.update(root, now)) ? followed.guest(now).manifest() : null;
  },

  /** The bundle's next bytes; they may come before anything else. @param {Uint8Array | null} chunk null: the end */
  write(chunk) {
    chunks.push(chunk);
    wake();
  },

  /**
   * Waits until the bundle can answer.
   *
   * @param {{root: Uint8Array, size: number, now: number}} bundle size in bytes, 0: not known
   * @returns {Promise<Uint8Array>} the manifest
   */
  async open({ root, size, now }) {
    arriving = guest.receive(root, size, now);
    while (!arriving.open) await take();
    return guest.manifest();
  },

  /** Waits until the bundle is whole. */
  async complete() {
    while (!ended) await take();
  },

  /** @param {number[]} indices @param {number} now */
  items(indices, now) {
    const catalogue = answering(now).items(indices);
    remember(catalogue.items);
    return catalogue;
  },

  /** What the catalogue says of items, by id. @param {string[]} ids @param {number} now */
  about(ids, now) {
    return about(ids, answering(now));
  },

  /**
   * @param {import('./guest.js').Request & {muted: string[]}} request events of
   *   items with a tag that is muted do not count, and of the others the latest
   *   that the manifest allows do
   */
  recommend({ muted, ...request }) {
    const guest = answering(request.now);
    const silent = silentOf(request.events, new Set(muted), guest);
    const events = request.events.filter((event) => !silent.has(event)).slice(-manifest.limits.history);
    // It speaks for nothing, but it is not news either.
    const again = request.seen ?? manifest.pool?.repeats ?? false;
    const exclude = new Set(request.exclude);
    for (const { item, kind } of silent) if (!again || kind === 'hide') exclude.add(item);
    const slate = guest.recommend({ ...request, events, exclude: [...exclude] });
    remember(slate.items);
    const causes = [...new Set(slate.items.flatMap(({ reasons }) => reasons.map(({ event }) => events[event].item)))];
    const titles = new Map(about(causes, guest).map((item, i) => [causes[i], item?.title ?? '']));
    const items = slate.items.map((item) => ({
      ...item,
      reasons: item.reasons.map(({ event, share }) => {
        const { item: id, kind, time } = events[event];
        return { id, title: titles.get(id) ?? '', kind, time, share };
      }),
    }));
    return { items, receipt: slate.receipt };
  },
};

/** The events about items that have one of the tags. @param {import('./guest.js').Event[]} events @param {Set<string>} tags @param {Guest} guest */
function silentOf(events, tags, guest) {
  if (tags.size === 0) return new Set(); // then the catalogue need not be read
  const items = about(events.map(({ item }) => item), guest);
  return new Set(events.filter((_, i) => items[i]?.tags.some((tag) => tags.has(tag))));
}

/**
 * The instance to ask. What is known of the one before it is forgotten.
 *
 * @param {number} now
 */
function answering(now) {
  const current = channel ? channel.guest(now) : guest;
  if (current !== asked) {
    asked = current;
    manifest = readManifest(current.manifest());
    rows.clear();
    known = 0;
  }
  return current;
}

/** Posts what is no answer. @param {string} name @param {...any} args */
function tell(name, ...args) {
  self.postMessage({ name, args });
}

/** Writes the next chunk into the module. */
async function take() {
  while (chunks.length === 0) await new Promise((resolve) => (wake = () => resolve(undefined)));
  const chunk = chunks.shift();
  if (chunk) arriving.write(chunk);
  else {
    ended = true;
    arriving.close();
  }
}

/** @param {{id: string, index: number}[]} items */
function remember(items) {
  for (const { id, index } of items) rows.set(id, index);
}

/**
 * What the catalogue says of items; null for one that it does not have. The
 * module finds items by index only. Mostly the item was recommended before; for
 * one that was not the catalogue is read, once, as far as it takes. Whose items
 * these are is not kept.
 *
 * @param {string[]} ids
 * @param {Guest} guest
 */
function about(ids, guest) {
  const missing = () => ids.some((id) => !rows.has(id));
  for (const count = missing() ? guest.items([]).count : 0; known < count && missing(); ) {
    const next = Array.from({ length: Math.min(itemsPerCall, count - known) }, (_, i) => known + i);
    remember(guest.items(next).items);
    known += next.length;
  }
  const found = [...new Set(ids.flatMap((id) => rows.get(id) ?? []))];
  /** @type {Map<string, import('./guest.js').CatalogueItem>} */
  const items = new Map();
  for (let from = 0; from < found.length; from += itemsPerCall) {
    for (const item of guest.items(found.slice(from, from + itemsPerCall)).items) items.set(item.id, item);
  }
  return ids.map((id) => items.get(id) ?? null);
}

self.onmessage = async ({ data: { id, name, args } }) => {
  try {
    const call = /** @type {(...args: any) => any} */ (calls[/** @type {keyof typeof calls} */ (name)]);
    self.postMessage({ id, value: await call(...args) });
  } catch (error) {
    const { code = 'internal', message } = /** @type {any} */ (error);
    self.postMessage({ id, error: { code, message } });
  }
};
