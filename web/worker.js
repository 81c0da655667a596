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

/** @type {Map<string, string>} titles by id, of the items that have passed by */
const titles = new Map();

/** Whose titles these are. @type {Guest | undefined} */
let asked;

/** How many events its manifest allows. */
let maxEvents = 0;

/** So many of the catalogue's first items have been read for their titles. */
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

  /** @param {import('./guest.js').Request} request of all events the latest that the manifest allows count */
  recommend(request) {
    const guest = answering(request.now);
    const events = request.events.slice(-maxEvents);
    const slate = guest.recommend({ ...request, events });
    remember(slate.items);
    const items = slate.items.map((item) => ({
      ...item,
      reasons: item.reasons.map(({ event, share }) => {
        const { item: id, kind, time } = events[event];
        return { id, title: titleOf(id, guest), kind, time, share };
      }),
    }));
    return { items, receipt: slate.receipt };
  },
};

/**
 * The instance to ask. What is known of the one before it is forgotten.
 *
 * @param {number} now
 */
function answering(now) {
  const current = channel ? channel.guest(now) : guest;
  if (current !== asked) {
    asked = current;
    maxEvents = readManifest(current.manifest()).limits.history;
    titles.clear();
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

/** @param {{id: string, title: string}[]} items */
function remember(items) {
  for (const { id, title } of items) titles.set(id, title);
}

/**
 * The title of an item of the history, '' when the catalogue does not have it.
 * The module finds items by index only. Mostly the item was recommended before;
 * for one that was not the catalogue is read, once, as far as it takes.
 *
 * @param {string} id
 * @param {Guest} guest
 */
function titleOf(id, guest) {
  if (titles.has(id)) return titles.get(id) ?? '';
  for (const { count } = guest.items([]); !titles.has(id) && known < count; ) {
    const rows = Array.from({ length: Math.min(itemsPerCall, count - known) }, (_, i) => known + i);
    remember(guest.items(rows).items);
    known += rows.length;
  }
  return titles.get(id) ?? '';
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
