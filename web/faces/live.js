// What the faces have in common: stores that open a model and keep a list in
// step with the person, as long as somebody looks. They have subscribe and call
// at once, as Svelte wants its stores, and get, as React does.

import { open } from '../nearside.js';

/**
 * @typedef {Omit<import('../nearside.js').Options, 'signal' | 'onProgress'>} Options
 * @typedef {Awaited<ReturnType<typeof open>>} Nearside
 *
 * @typedef {object} Recommender
 * @property {'opening' | 'ready' | 'failed'} status
 * @property {Nearside} [nearside] when it is ready
 * @property {any} [error] when it has failed: a NearsideError
 * @property {import('../nearside.js').Progress} [progress] the last that open told
 *
 * @typedef {NonNullable<Parameters<Nearside['recommend']>[0]>} Asked what recommend takes
 *
 * @typedef {{id: string, title: string} & Partial<import('../nearside.js').Recommendation & import('../guest.js').CatalogueItem>} Item
 *   a recommendation, with what the catalogue says of it: url, image, author, tags, …
 *
 * @typedef {object} List
 * @property {'waiting' | 'ready' | 'failed'} status 'ready' from the first list on
 * @property {Item[]} items best first; at first those that the caller had, and
 *   after a failure those of before
 * @property {import('../guest.js').Receipt} [receipt] of the last list
 * @property {any} [error] when it has failed
 */

/**
 * @template T
 * @typedef {object} Store
 * @property {() => T} get
 * @property {(listener: (value: T) => void) => () => void} subscribe calls listener
 *   with the value now and whenever there is another; returns what ends that
 */

/**
 * @template T
 * @param {T} value
 * @param {() => () => void} start is called when somebody begins to look, and what
 *   it returns when nobody does any more
 * @returns {Store<T> & {set: (next: T) => void}}
 */
export function store(value, start) {
  /** @type {Set<(value: T) => void>} */
  const listeners = new Set();
  /** @type {(() => void) | undefined} */
  let stop;
  return {
    get: () => value,
    set(next) {
      value = next;
      for (const listener of [...listeners]) listener(value);
    },
    subscribe(listener) {
      listeners.add(listener);
      stop ??= start();
      listener(value);
      return () => {
        listeners.delete(listener);
        // Not at once: React's StrictMode, and whoever moves an element, come back in the same turn.
        queueMicrotask(() => {
          if (listeners.size) return;
          stop?.();
          stop = undefined;
        });
      };
    },
  };
}

/**
 * Opens a model while there are subscribers, and closes it after the last. On a
 * server, where there is no document, it stays 'opening'.
 *
 * @param {Options} options of open
 * @returns {Store<Recommender>}
 */
export function recommender(options) {
  /** @type {Recommender} */
  const opening = { status: 'opening' };
  const it = store(opening, () => {
    if (!globalThis.document) return () => {};
    const { signal, abort } = leaving();
    open({
      ...options,
      signal,
      onProgress: (progress) => signal.aborted || it.set({ ...it.get(), progress }),
    }).then(
      (nearside) => (signal.aborted ? nearside.close() : it.set({ ...it.get(), status: 'ready', nearside })),
      (error) => signal.aborted || it.set({ status: 'failed', error }),
    );
    return () => {
      abort();
      it.get().nearside?.close();
      it.set(opening);
    };
  });
  return it;
}

/**
 * A copy without a framework's proxies, which no worker can be sent.
 *
 * @template T
 * @param {T} value
 * @returns {T}
 */
export function plain(value) {
  if (Array.isArray(value)) return /** @type {T} */ (Array.from(value, plain));
  if (value?.constructor !== Object) return value;
  return /** @type {T} */ (Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)])));
}

/**
 * A list that follows: made anew after each event observed through it, when the
 * profile changes, when the rest of the bundle has come and when a channel has a
 * newer one. What comes in one turn or while a list is being made makes one
 * more, and lists that are late are dropped.
 *
 * @param {Nearside | {subscribe: (listener: (opened: Partial<Recommender>) => void) => () => void} | undefined} source
 *   what is opened, or a store of what is being opened
 * @param {Asked} [asked] what recommend is asked
 * @param {Item[]} [items] what is shown until the first list
 */
export function recommendations(source, asked = {}, items = []) {
  /** @type {Nearside | undefined} */
  let nearside;
  asked = plain(asked);
  let { signal, abort } = leaving();
  /** @type {Promise<void> | undefined} */
  let making;
  let again = false;
  /** @type {Parameters<Nearside['observe']>[0][]} */
  const early = [];
  const list = store(/** @type {List} */ ({ status: 'waiting', items }), () => {
    const end = source && 'subscribe' in source ? source.subscribe(follow) : follow({ nearside: source });
    return () => {
      end?.();
      follow({});
    };
  });

  /** @param {Partial<Recommender>} opened @returns {void} */
  function follow({ nearside: next, error }) {
    if (error) list.set({ ...list.get(), status: 'failed', error });
    if (next === nearside) return;
    abort();
    nearside?.profile.removeEventListener('change', refresh);
    ({ signal, abort } = leaving());
    making = undefined;
    nearside = next;
    if (!next) return;
    next.profile.addEventListener('change', refresh);
    const after = (/** @type {Promise<any>} */ news, /** @type {(is: any) => any} */ matters) =>
      news.then((is) => next === nearside && matters(is) && refresh(), () => {}); // the last good list goes on
    after(next.completed, () => list.get().receipt?.early);
    after(next.updated, (newer) => newer);
    if (early.length) early.splice(0).forEach(observe);
    refresh();
  }

  /** Makes the list anew. @returns {Promise<void>} when it is there, or has failed; it never rejects */
  async function refresh() {
    again = true;
    if (nearside) await (making ??= make(nearside, signal));
  }

  /** @param {Nearside} nearside @param {AbortSignal} signal */
  async function make(nearside, signal) {
    /** @type {List} */
    let next;
    do {
      await null; // what else comes in this turn
      again = false;
      try {
        const { items, receipt } = await nearside.recommend(asked, { signal });
        const about = await nearside.items(items.map(({ index }) => index), { signal });
        again ||= about.items.some(({ id }, i) => id !== items[i].id); // a newer bundle, with other rows
        next = { status: 'ready', items: items.map((item, i) => ({ ...about.items[i], ...item })), receipt };
      } catch (error) {
        next = { ...list.get(), status: 'failed', error };
      }
      if (signal.aborted) return;
    } while (again);
    making = undefined;
    list.set(next);
  }

  /**
   * Remembers what the person did, and tells all lists of this page by the
   * profile's change event. What comes before the model is open is kept until then.
   *
   * @param {Parameters<import('./live.js').Nearside['observe']>[0]} event
   * @throws like observe of what open gives
   */
  function observe(event) {
    if (!nearside) return void early.push(event);
    nearside.observe(event);
    nearside.profile.dispatchEvent(new Event('change'));
  }

  return {
    get: list.get,
    subscribe: list.subscribe,
    refresh,
    observe,
    /** Asks for another list from now on. @param {Asked} another */
    ask(another) {
      asked = plain(another);
      return refresh();
    },
  };
}

function leaving() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
