// The module and what nearside.js asks of it, wherever that is: in a worker, or in
// the page itself where there is none.

import { instantiate } from './guest.js';
import { readManifest } from './manifest.js';

/** How many items the module describes in one call, see ABI.md. */
const itemsPerCall = 4096;

/**
 * @typedef {Awaited<ReturnType<typeof instantiate>>} Guest
 * @typedef {(name: string, ...args: any) => void} Tell what is no answer, to the page
 */

/** What the page calls, and a bundle that stands alone. */
export class Engine {
  /** @type {Guest | undefined} */
  #guest;
  /** @type {ReturnType<Guest['receive']> | undefined} */
  #arriving;
  /** The bundle's chunks that wait to be written; null: its end. @type {(Uint8Array | null)[]} */
  #chunks = [];
  /** Whether the end has been taken. */
  #ended = false;
  /** Called when there is a chunk. */
  #wake = () => {};

  /** Rows by id, of the items that have passed by. @type {Map<string, number>} */
  #rows = new Map();
  /** Whose items these are. @type {Guest | undefined} */
  #asked;
  /** So many events the model takes. */
  #history = 0;
  /** Bytes of a bit for each item. */
  #bitmap = 0;
  /** Whether it shows again what was seen. */
  #repeats = false;
  /** What was said of items the last time, by id. @type {Map<string, import('./guest.js').CatalogueItem>} */
  #said = new Map();
  /** So many of the catalogue's first items have been read for their ids. */
  #known = 0;

  /**
   * The page's first call to a worker.
   *
   * @param {string} lock is held from now on, where the browser lets a page have locks
   */
  hello(lock) {
    const { locks } = globalThis.navigator ?? {};
    return locks && new Promise((held) => locks.request(lock, () => (held(undefined), new Promise(() => {}))).catch(held));
  }

  /** @param {WebAssembly.Module} module */
  async load(module) {
    this.#guest = await instantiate(module);
  }

  /** The bundle's next bytes; they may come before anything else. @param {Uint8Array | null} chunk null: the end */
  write(chunk) {
    this.#chunks.push(chunk);
    this.#wake();
  }

  /**
   * Waits until the bundle can answer.
   *
   * @param {{root: Uint8Array, size: number, now: number}} bundle size in bytes, 0: not known
   * @returns {Promise<import('./manifest.js').Manifest>}
   */
  async open({ root, size, now }) {
    const guest = /** @type {Guest} */ (this.#guest);
    this.#arriving = guest.receive(root, size, now);
    while (!this.#arriving.open) await this.#take();
    return readManifest(guest.manifest());
  }

  /** Waits until the bundle is whole. */
  async complete() {
    while (!this.#ended) await this.#take();
  }

  /** @param {number[]} indices @param {number} now */
  items(indices, now) {
    const catalogue = this.#answering(now).items(indices);
    this.#remember(catalogue.items);
    return catalogue;
  }

  /** What the catalogue says of items, by id. @param {string[]} ids @param {number} now */
  about(ids, now) {
    return this.#about(ids, this.#answering(now));
  }

  /**
   * @param {import('./guest.js').Request & {muted: string[]}} request events of
   *   items with a tag that is muted do not count, and of the others the latest
   *   that the manifest allows do
   */
  recommend({ muted, ...request }) {
    const guest = this.#answering(request.now);
    const silent = this.#silent(request.events, new Set(muted), guest);
    const events = request.events.filter((event) => !silent.has(event)).slice(-this.#history);
    // It speaks for nothing, but it is not news either.
    const again = request.seen ?? this.#repeats;
    const exclude = new Set(request.exclude);
    for (const { item, kind } of silent) if (!again || kind === 'hide') exclude.add(item);
    const slate = guest.recommend({ ...request, events, exclude: [...exclude], unavailable: request.unavailable?.subarray(0, this.#bitmap) });
    this.#remember(slate.items);
    const causes = [...new Set(slate.items.flatMap(({ reasons }) => reasons.map(({ event }) => events[event].item)))];
    const titles = new Map(this.#about(causes, guest).map((item, i) => [causes[i], item?.title ?? '']));
    const items = slate.items.map((item) => ({
      ...item,
      reasons: item.reasons.map(({ event, share }) => {
        const { item: id, kind, time } = events[event];
        return { id, title: titles.get(id) ?? '', kind, time, share };
      }),
    }));
    return { items, receipt: slate.receipt };
  }

  /**
   * The instance that answers.
   *
   * @param {number} now Unix seconds
   * @returns {Guest}
   */
  current(now) {
    return /** @type {Guest} */ (this.#guest);
  }

  /** The same; what is known of the one before it is forgotten. @param {number} now */
  #answering(now) {
    const current = this.current(now);
    if (current !== this.#asked) {
      const { limits, pool } = readManifest(current.manifest());
      this.#asked = current;
      this.#history = limits.history;
      this.#bitmap = (limits.items + 7) >> 3;
      this.#repeats = pool?.repeats ?? false;
      this.#rows.clear();
      this.#said.clear();
      this.#known = 0;
    }
    return current;
  }

  /** Writes the next chunk into the module. */
  async #take() {
    while (this.#chunks.length === 0) await new Promise((resolve) => (this.#wake = () => resolve(undefined)));
    const chunk = this.#chunks.shift();
    if (chunk) this.#arriving?.write(chunk);
    else {
      this.#ended = true;
      this.#arriving?.close();
    }
  }

  /** The events about items that have one of the tags. @param {import('./guest.js').Event[]} events @param {Set<string>} tags @param {Guest} guest */
  #silent(events, tags, guest) {
    if (tags.size === 0) return new Set(); // then the catalogue need not be read
    const items = this.#about(events.map(({ item }) => item), guest);
    return new Set(events.filter((_, i) => items[i]?.tags.some((tag) => tags.has(tag))));
  }

  /** @param {{id: string, index: number}[]} items */
  #remember(items) {
    for (const { id, index } of items) this.#rows.set(id, index);
  }

  /**
   * What the catalogue says of items; null for one that it does not have. The
   * module finds items by index only. Mostly the item was recommended before; for
   * one that was not the catalogue is read, once, as far as it takes. What was said
   * the last time is kept until the next, because mostly the same is asked again.
   *
   * @param {string[]} ids
   * @param {Guest} guest
   */
  #about(ids, guest) {
    const missing = () => ids.some((id) => !this.#rows.has(id));
    for (const count = missing() ? guest.items([]).count : 0; this.#known < count && missing(); ) {
      const next = Array.from({ length: Math.min(itemsPerCall, count - this.#known) }, (_, i) => this.#known + i);
      this.#remember(guest.items(next).items);
      this.#known += next.length;
    }
    const last = this.#said;
    const items = (this.#said = new Map(ids.flatMap((id) => last.get(id) ?? []).map((item) => [item.id, item])));
    const found = [...new Set(ids.flatMap((id) => (items.has(id) ? [] : this.#rows.get(id) ?? [])))];
    for (let from = 0; from < found.length; from += itemsPerCall) {
      for (const item of guest.items(found.slice(from, from + itemsPerCall)).items) items.set(item.id, item);
    }
    return ids.map((id) => items.get(id) ?? null);
  }
}

/**
 * Answers one message of the page's: {id, name, args} with {id, value} or
 * {id, error: {code, message}}.
 *
 * @param {Engine} engine
 * @param {{id?: number, name: string, args: any[]}} message
 * @param {(answer: {id?: number, value?: any, error?: {code: string, message: string}}) => void} send
 */
export async function answer(engine, { id, name, args }, send) {
  try {
    send({ id, value: await /** @type {any} */ (engine)[name](...args) });
  } catch (error) {
    const { code = 'internal', message } = /** @type {any} */ (error);
    send({ id, error: { code, message } });
  }
}
