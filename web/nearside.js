// Recommendations computed in the person's own browser. The page fetches public
// files, the same for everybody; a worker checks their signatures and ranks; what
// the person did stays in this browser, as long as they want it to. Nothing is fetched but what the
// caller names, or a channel that the caller names, and nothing is ever sent.

import { Connection } from './connection.js';
import { Keeper, planned } from './keeper.js';
import { loadModule, loadRoot, pass, rejected } from './load.js';
import { Profile } from './profile.js';
import { Reporter } from './progress.js';
import { NearsideError, unixNow } from './words.js';

export { NearsideError };

/**
 * @typedef {import('./load.js').Source} Source
 * @typedef {import('./manifest.js').Manifest} Manifest
 * @typedef {import('./progress.js').Progress} Progress
 *
 * @typedef {Files & Opening & import('./keeper.js').Remembering} Options
 *
 * @typedef {object} Files
 * @property {Source | WebAssembly.Module} [wasm] the module; nearside.wasm beside
 *   this file when left out
 * @property {Source} root the keys that may sign, *.nsr; it comes with the site's
 *   own code, and of a channel only the first visit reads it
 * @property {Source} [bundle] the signed model, *.nsb; or else
 * @property {string | URL} [channel] the folder of a channel to follow, and
 * @property {string} [name] the channel's name
 * @property {'auto' | boolean} [worker] whether the module has a thread of its own.
 *   'auto', which is meant when left out: where there can be one, with a warning
 *   when it does not start; true: or else not at all; false: the page's own does it
 *
 * @typedef {object} Opening
 * @property {AbortSignal} [signal] gives up opening
 * @property {(progress: Progress) => void} [onProgress] told at most ten times a
 *   second, and of 'ready' last
 * @property {(message: string) => void} [onWarning] told once when the stored
 *   profile is unreadable or cannot be written, when a channel cannot be stored,
 *   and when there is no worker; console.warn when left out
 *
 * @typedef {object} Calling
 * @property {AbortSignal} [signal] gives the answer up; the worker, which cannot
 *   be interrupted, finishes it
 *
 * @typedef {object} Filter
 * @property {string[]} [exclude] ids that must not be shown
 * @property {string[]} [anyTags] an item must have one of them; at most 64
 * @property {string[]} [noTags] an item must have none of them; at most 64
 * @property {Uint8Array} [unavailable] a bit for each row of the catalogue, lowest
 *   first; 1: must not be shown
 * @property {boolean} [seen] whether items of the history may be shown, instead of
 *   what the bundle says: see pool in the manifest. Those that were hidden never are
 *
 * @typedef {object} Recommendations
 * @property {Recommendation[]} items best first
 * @property {import('./guest.js').Receipt} receipt
 *
 * @typedef {object} Recommendation
 * @property {number} index row in the catalogue
 * @property {string} id
 * @property {string} title may be empty
 * @property {number} score integer; comparable within one list only
 * @property {Reason[]} reasons strongest first
 *
 * @typedef {object} Reason an item of the history that speaks for a recommendation
 * @property {string} id
 * @property {string} title '' when the catalogue does not have the item
 * @property {string} kind
 * @property {number} time Unix seconds
 * @property {number} share of the score: 0.62 is 62 %; may be negative
 */

/**
 * Fetches, verifies and opens a model. The files of a bundle are fetched at the
 * same time, and one whose last part only refines the scores is open before that
 * part has come: see completed in {@link Nearside}.
 *
 * Of a channel the last good bundle is open at once, without the network; what is
 * newer comes in behind: see updated in {@link Nearside}.
 *
 * @param {Options} options
 * @returns {Promise<Nearside>}
 * @throws {NearsideError} 'request' for options that make no sense; 'signature',
 *   'expired' and the other words of ABI.md when the files are not in order; 'network' when one cannot be fetched;
 *   'module' when nearside.wasm is not the module; 'aborted', 'lost'; of a channel also
 *   'storage' when the browser fails to store, and 'insecure' when the page came
 *   neither over https nor from localhost
 */
export async function open({ signal, onProgress, onWarning = console.warn, ...options }) {
  const plan = planned(options);
  const stop = new AbortController(); // ends whatever is under way
  const abort = () => stop.abort(aborted('open', signal));
  signal?.addEventListener('abort', abort);
  if (signal?.aborted) abort();
  const reporter = new Reporter(onProgress);
  try {
    const opened = await start(options, stop, reporter, onWarning);
    opened.settled.then(() => signal?.removeEventListener('abort', abort));
    const keeper = new Keeper(opened.manifest.channel, plan, onWarning);
    await keeper.saved; // and so what is stored has been read
    reporter.ready();
    return new Nearside(opened, keeper, () => start(options, new AbortController(), new Reporter(undefined), onWarning));
  } catch (error) {
    signal?.removeEventListener('abort', abort);
    reporter.stop();
    throw error;
  }
}

/**
 * @typedef {object} Opened
 * @property {Connection} connection
 * @property {AbortController} stop ends what is still under way
 * @property {Manifest} manifest
 * @property {Promise<void>} completed
 * @property {Promise<any>} settled when nothing is under way any more
 * @property {import('./following.js').Updates} [updates] of a channel
 * @property {Promise<Manifest | null>} [updating] its first look
 */

/**
 * @param {Files & import('./keeper.js').Remembering} options
 * @param {AbortController} stop
 * @param {Reporter} reporter
 * @param {(message: string) => void} warn
 * @returns {Promise<Opened>}
 */
async function start({ wasm = new URL('./nearside.wasm', import.meta.url), bundle, channel, name, root, worker = 'auto', storage }, stop, reporter, warn) {
  /** @type {Connection | undefined} */
  let connection;
  try {
    stop.signal.throwIfAborted();
    const follows = channel !== undefined;
    if (follows ? bundle || !name : !bundle) {
      throw new NearsideError('request', 'nearside: open: want a bundle, or a channel and its name');
    }
    const step = reporter.step.bind(reporter);
    /** @type {(() => Promise<void>)[]} */
    const copies = [];
    const loading = { signal: stop.signal, step, copies: storage === 'memory' ? undefined : copies };
    connection = new Connection({ worker, following: follows, told: { warn, progress: step } });
    const opened = await (follows
      ? (await import('./following.js')).openChannel(connection, { wasm, channel, name: /** @type {string} */ (name), root }, stop, loading)
      : openBundle(connection, { wasm, bundle: /** @type {Source} */ (bundle), root }, stop, loading));
    opened.settled.then(() => (opened.stop = new AbortController())); // what goes on as copies is not stopped
    opened.completed.then(() => copies.forEach((keep) => keep().catch(() => {})), () => {}); // without room there are none
    return opened;
  } catch (error) {
    connection?.close(new NearsideError('closed', 'nearside: open failed'));
    stop.abort(error);
    if (error instanceof NearsideError) throw error;
    throw new NearsideError('network', `nearside: ${error}`, { cause: error }); // a script did not come
  }
}

/**
 * @param {Connection} connection
 * @param {{wasm: Source | WebAssembly.Module, bundle: Source, root: Source}} files
 * @param {AbortController} stop
 * @param {import('./load.js').Loading} loading
 * @returns {Promise<Opened>}
 */
async function openBundle(connection, { wasm, bundle, root }, stop, loading) {
  const stopped = rejected(stop.signal);
  const [{ size, passed }, rootBytes] = await Promise.race([stopped, Promise.all([
    pass(bundle, loading, (chunk, transfer) => connection.post('write', [chunk], transfer)),
    loadRoot(root, loading),
    loadModule(wasm, loading).then((module) => connection.call('load', module)),
  ])]);
  const broken = passed.then(() => stopped);
  const manifest = await Promise.race([stopped, broken, connection.call('open', { root: rootBytes, size, now: unixNow() })]);
  const completed = Promise.race([stopped, broken, connection.call('complete')]);
  return { connection, stop, manifest, completed, settled: completed.catch((error) => stop.abort(error)) };
}

/** An opened model together with the person's profile: what open gives, and exported to be named in types. */
export class Nearside {
  /** What is remembered of the person, to be shown to them and changed by them. @type {Profile} */
  profile;

  /**
   * Resolves when the whole bundle is in use, which for most bundles is as soon
   * as it is open. Until then recommendations come from the codes alone, and
   * their receipts say early. When the rest does not come or is not what was
   * signed, that goes on, and this rejects, once, with a {@link NearsideError}:
   * 'network', 'hash' or another word of ABI.md, 'aborted' when the signal of
   * open stopped it, 'lost', 'closed'. Nobody has to listen. After 'known-answer' and
   * 'trap' there are no recommendations any more.
   *
   * @type {Promise<void>}
   */
  completed;

  /**
   * Resolves when it is known whether the channel has something newer: true when
   * that is in use now, false when there was nothing, which is all that is ever
   * new of a bundle that was opened by itself. It rejects with a
   * {@link NearsideError} when that could not be found out or what came is not in
   * order: 'network', 'rollback', 'head-expired' or another word of ABI.md,
   * 'storage', 'aborted', 'lost', 'closed'. The last good bundle goes on. Nobody has to
   * listen.
   *
   * @type {Promise<boolean>}
   */
  updated;
  #opened;
  #manifest;
  #keeper;
  #reopen;
  /** @type {Promise<void> | undefined} */
  #reopening;
  /** @type {NearsideError | undefined} */
  #closed;
  /** @type {Map<string, Reason[]>} */
  #reasons = new Map();
  /** How often the profile was erased: a list from before must leave no reasons. */
  #erasures = 0;

  /**
   * @param {Opened} opened
   * @param {Keeper} keeper
   * @param {() => Promise<Opened>} reopen after the worker was lost
   */
  constructor(opened, keeper, reopen) {
    this.#opened = opened;
    this.#manifest = opened.manifest;
    this.#keeper = keeper;
    this.#reopen = reopen;
    keeper.onErase = () => {
      this.#erasures++;
      this.#reasons = new Map();
    };
    this.profile = new Profile(keeper, (ids) => this.#call('about', ids, unixNow()), () => this.#manifest.scoring);
    this.completed = opened.completed;
    this.updated = opened.updating ? this.#adopt(opened.updating) : Promise.resolve(false);
    for (const promise of [this.completed, this.updated]) promise.catch(() => {}); // nobody has to listen
  }

  /**
   * Remembers what the person did, on this device: at once for this page, and in
   * storage when profile.saved resolves. Not while the profile is paused.
   *
   * @param {object} event
   * @param {string} event.item id
   * @param {string} [event.kind] 'view', 'click', 'like', 'buy' or 'hide'
   * @param {number} [event.time] Unix seconds; now when left out
   * @param {number} [event.weight] above 0, at most 16
   * @throws {NearsideError} 'request' when it is not an event, 'closed'
   */
  observe({ item, kind = 'click', time = unixNow(), weight = 1 }) {
    this.#keeper.note({ item, kind, time, weight });
  }

  /**
   * Ranks the catalogue for the history as it is now. Items of the history are
   * not recommended again, unless the bundle has a pool that says so.
   *
   * @param {object} [options]
   * @param {number} [options.k] how many items
   * @param {number} [options.reasons] how many for each item, at most 16
   * @param {string[]} [options.context] ids of items that the person looks at now:
   *   they count as if just viewed, and are not remembered
   * @param {Filter} [options.filter] what may be shown
   * @param {number} [options.diversity] 0 … 1: how much unlikeness to what stands
   *   before counts beside the score; 0, the default, is the plain order
   * @param {Float32Array} [options.vector] to rank by instead of the history;
   *   there are no reasons then
   * @param {Calling} [calling]
   * @returns {Promise<Recommendations>}
   * @throws {NearsideError} 'limit' for a k above the manifest's, 'request', as
   *   for seen items of a bundle without a pool, 'trap', 'aborted', 'closed'; of a
   *   channel 'expired' and 'stopped' when the bundle must not be used any more
   */
  async recommend({ k = 10, reasons = 3, context = [], filter = {}, diversity, vector } = {}, { signal } = {}) {
    const { events: remembered, muted } = this.#keeper.state;
    const now = unixNow();
    const events = [...remembered, ...context.map((item) => ({ item, kind: 'view', time: now, weight: 1 }))];
    const request = { exclude: [], ...filter, k, now, events, muted, reasons, diversity, vector };
    const erasures = this.#erasures;
    const list = await unlessAborted(signal, 'recommend', () => this.#call('recommend', request));
    if (erasures === this.#erasures) this.#reasons = new Map(list.items.map((/** @type {Recommendation} */ item) => [item.id, item.reasons]));
    return list;
  }

  /**
   * One list after the other, for a page that goes on as the person scrolls: each
   * is made for the profile as it is then, and none has an item of those before.
   * It ends when nothing is left that may be shown.
   *
   * @param {Parameters<Nearside['recommend']>[0]} [options] as for recommend; k of each list
   * @param {Calling} [calling]
   * @returns {AsyncGenerator<Recommendations, void, void>} lists of at least one item
   * @throws {NearsideError} like recommend
   */
  async *pages({ filter = {}, ...options } = {}, calling = {}) {
    const shown = new Set();
    let release = '';
    let gone = new Uint8Array();
    for (;;) {
      const list = await this.recommend({ ...options, filter: { ...filter, unavailable: gone } }, calling);
      if (list.receipt.manifest !== release) { // whose rows are others
        release = list.receipt.manifest;
        gone = new Uint8Array(((await this.items([], calling)).count + 7) >> 3);
        gone.set(filter.unavailable?.subarray(0, gone.length) ?? []);
        continue;
      }
      if (list.items.length === 0) return;
      for (const { index } of list.items) gone[index >> 3] |= 1 << (index & 7);
      const items = list.items.filter(({ id }) => !shown.has(id)); // shown from the rows of before
      for (const { id } of items) shown.add(id);
      if (items.length > 0) yield { ...list, items };
    }
  }

  /**
   * Why an item stands in the last list.
   *
   * @param {string} item id
   * @returns {Reason[] | null} strongest first; null when the last list does not
   *   have the item
   */
  explain(item) {
    return this.#reasons.get(item) ?? null;
  }

  /**
   * Items that go with one item, whoever asks: the profile is left out, and
   * nothing is remembered of it.
   *
   * @param {string} item id
   * @param {object} [options]
   * @param {number} [options.k] how many items
   * @param {Filter} [options.filter] as for recommend; seen does not matter
   * @param {number} [options.diversity]
   * @param {Calling} [calling]
   * @returns {Promise<Recommendations>} best first, without reasons; no items when
   *   the catalogue does not have this one, or the model has learnt nothing of it
   * @throws {NearsideError} like recommend
   */
  async similar(item, { k = 10, filter: { exclude = [], ...filter } = {}, diversity } = {}, { signal } = {}) {
    const now = unixNow();
    const events = [{ item, kind: 'like', time: now, weight: 1 }];
    const request = { ...filter, seen: undefined, k, now, events, muted: [], reasons: 0, exclude: [item, ...exclude], diversity };
    const list = await unlessAborted(signal, 'similar', () => this.#call('recommend', request));
    return list.receipt.cold ? { ...list, items: [] } : list; // what is popular is not similar
  }

  /**
   * What the catalogue says about some items, in the order asked for.
   *
   * @param {number[]} indices 0 … count−1, at most 4096 of them; none asks for
   *   count only
   * @param {Calling} [calling]
   * @returns {Promise<import('./guest.js').Catalogue>}
   * @throws {NearsideError} 'request' for an index beyond the catalogue, 'aborted', 'closed'
   */
  items(indices, { signal } = {}) {
    return unlessAborted(signal, 'items', () => this.#call('items', indices, unixNow()));
  }

  /**
   * Looks once more whether the channel has something newer. One look at a time:
   * while there is one, its promise is yours too. A newer bundle comes into use
   * as a whole, between two calls; rows of its catalogue may be others.
   *
   * @returns {Promise<boolean>} like updated
   * @throws {NearsideError} like updated; 'request' when a bundle was opened by itself
   */
  async update() {
    if (!this.#opened.updates) throw new NearsideError('request', 'nearside: update: want a channel');
    return this.#adopt(this.#ask(({ updates }) => /** @type {import('./following.js').Updates} */ (updates).look(null)));
  }

  /** @param {Promise<Manifest | null>} looking */
  async #adopt(looking) {
    const manifest = await looking;
    if (manifest) this.#manifest = manifest;
    return manifest !== null;
  }

  /** @param {string} name @param {...any} args */
  #call(name, ...args) {
    return this.#ask(({ connection }) => connection.call(name, ...args));
  }

  /**
   * Asks the engine. One that the browser has ended is begun anew, and asked again:
   * it remembers nothing that a call rests on.
   *
   * @template T
   * @param {(opened: Opened) => Promise<T>} ask
   * @returns {Promise<T>}
   */
  async #ask(ask) {
    const opened = this.#opened;
    try {
      return await ask(opened);
    } catch (error) {
      if (this.#closed || /** @type {any} */ (error).code !== 'lost') throw this.#closed ?? error;
      if (opened === this.#opened) await (this.#reopening ??= this.#restart(error));
      return ask(this.#opened);
    }
  }

  /** @param {unknown} lost what has come of the engine before */
  async #restart(lost) {
    try {
      this.#opened.stop.abort(lost);
      const opened = await this.#reopen();
      if (this.#closed) end(opened, this.#closed);
      this.#opened = opened;
      this.#manifest = opened.manifest;
      this.#adopt(opened.updating ?? Promise.resolve(null)).catch(() => {}); // as the first time
    } finally {
      this.#reopening = undefined;
    }
  }

  /** What the publisher signed of the bundle in use: limits, scoring, privacy label. @returns {Manifest} */
  manifest() {
    return this.#manifest;
  }

  /**
   * Stops the worker, and the download where there still is one: whatever is
   * asked throws 'closed' from now on. What is stored of the profile stays.
   *
   * @returns {Promise<void>} when what was remembered before is written
   */
  close() {
    this.#closed ??= new NearsideError('closed', 'nearside: closed');
    end(this.#opened, this.#closed);
    return this.#keeper.close();
  }

  /** The same as close, for `await using`. */
  [Symbol.asyncDispose]() {
    return this.close();
  }
}

/** @param {Opened} opened @param {NearsideError} error what its calls throw from now on */
function end({ connection, stop, updates }, error) {
  updates?.close(error);
  stop.abort(error);
  connection.close(error);
}

/**
 * What comes of some work, or 'aborted' as soon as the signal says so.
 *
 * @template T
 * @param {AbortSignal | undefined} signal
 * @param {string} what
 * @param {() => Promise<T>} work is not begun when it is too late
 * @returns {Promise<T>}
 */
function unlessAborted(signal, what, work) {
  if (!signal) return work();
  return new Promise((resolve, reject) => {
    const abort = () => reject(aborted(what, signal));
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort);
    work().then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** @param {string} what @param {AbortSignal | undefined} signal */
function aborted(what, signal) {
  return new NearsideError('aborted', `nearside: ${what} was aborted`, { cause: signal?.reason });
}
