// The module's own thread: a long bundle opens and a large catalogue is ranked
// here while the page stays responsive. The page starts it with
//
//   new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
//
// and nearside.js is its only caller. A message in is {id, name, args}; a
// message out is {id, value} or {id, error: {code, message}}. The bundle comes
// in chunks whose memory is handed over. The worker sends
// no request of its own: serve it with connect-src 'none' and the browser will
// see to that.

import { instantiate } from './guest.js';

/** How many items the module describes in one call, see ABI.md. */
const itemsPerCall = 4096;

/** @type {Awaited<ReturnType<typeof instantiate>>} */
let guest;

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

/** So many of the catalogue's first items have been read for their titles. */
let known = 0;

const calls = {
  /** @param {WebAssembly.Module} module */
  async load(module) {
    guest = await instantiate(module);
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

  /** @param {number[]} indices */
  items(indices) {
    const catalogue = guest.items(indices);
    remember(catalogue.items);
    return catalogue;
  },

  /** @param {import('./guest.js').Request} request */
  recommend(request) {
    const slate = guest.recommend(request);
    remember(slate.items);
    const items = slate.items.map((item) => ({
      ...item,
      reasons: item.reasons.map(({ event, share }) => {
        const { item: id, kind, time } = request.events[event];
        return { id, title: titleOf(id), kind, time, share };
      }),
    }));
    return { items, receipt: slate.receipt };
  },
};

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
 */
function titleOf(id) {
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
