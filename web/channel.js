// Following a channel: the module decides what comes next and what is believed,
// a store keeps it, and somebody else fetches (SPEC.md, section 10). No file is
// asked for that depends on the person: each update has an instance of the
// module of its own, which has never been shown a history, and the page takes
// the names of files only as a channel has them.

import { follow } from './follow.js';
import { instantiate, toHex } from './guest.js';
import { readManifest } from './manifest.js';
import { decode } from './msgpack.js';
import { applyPatch } from './patch.js';
import { chunksOf, same } from './store.js';
import { NearsideError } from './words.js';

/**
 * @typedef {Awaited<ReturnType<typeof instantiate>>} Guest
 * @typedef {import('./store.js').Bundle} Bundle
 * @typedef {import('./store.js').Part} Part
 * @typedef {import('./store.js').Chunk} Chunk
 *
 * @typedef {object} Following
 * @property {string} name of the channel
 * @property {WebAssembly.Module} module
 * @property {Uint8Array} [digest] SHA-256 of the module's bytes; left out: not known
 * @property {import('./store.js').Store} store
 * @property {(name: string, max: number) => Promise<Uint8Array>} fetch gets a file
 *   of the channel's folder, and refuses one of more than max bytes
 * @property {() => void} [onUse] told when another bundle has come into use
 * @property {(loaded: number, total: number) => void} [onProgress] bytes of a
 *   bundle that is being put together
 * @property {(message: string) => void} warn told once when chunks cannot be kept
 */

/** The length of a leaf, but the last of a section. */
const leafSize = 65536;

/** How many chunks are on their way at a time. */
const width = 6;

/** What another tab has stored meanwhile: the update begins again there. */
class Moved extends Error {}

/** A channel on this device, and its bundle that is in use. */
export class Channel {
  #following;
  /** In use; null: none is. @type {Guest | null} */
  #guest = null;
  /** Why there is none. @type {unknown} */
  #refusal = new NearsideError('not-open', 'channel: no bundle is in use');
  #version = 0;
  #expires = 0;
  /** The document of the root by which it was opened. @type {Uint8Array} */
  #root = new Uint8Array(0);
  /** Time does not stand behind it. */
  #time = 0;
  /** SHA-256 of the manifest in use, in hex; '' while its bundle is not whole. */
  #whole = '';
  #warned = false;
  /** Chunks that are on their way, by hash. @type {Map<string, Promise<Uint8Array>>} */
  #coming = new Map();

  /** @param {Following} following */
  constructor(following) {
    this.#following = following;
  }

  /**
   * The instance whose bundle is in use. Take it anew for every call.
   *
   * @param {number} now Unix seconds
   * @returns {Guest}
   * @throws {NearsideError} why there is none: 'expired', 'stopped', 'not-open', …
   */
  guest(now) {
    if (this.#guest && Math.max(now, this.#time) >= this.#expires) this.#drop(new NearsideError('expired', `channel: version ${this.#version} is past its expiry`));
    if (!this.#guest) throw this.#refusal;
    return this.#guest;
  }

  /** What was signed of the bundle in use. @param {number} now @throws {NearsideError} as guest does */
  manifest(now) {
    return readManifest(this.guest(now).manifest());
  }

  /** Of the channel, as its publisher signs it. */
  get name() {
    return this.#following.name;
  }

  /** Whether a bundle is in use. */
  get open() {
    return this.#guest !== null;
  }

  /** Whether one is in use that has come as a whole. */
  get whole() {
    return this.#whole !== '';
  }

  /**
   * Takes the last good bundle into use, if there is one that is still good.
   *
   * @param {number} now Unix seconds
   * @throws {NearsideError} 'storage', 'module', 'version'
   */
  async restore(now) {
    const kept = await this.#stored((store) => store.read());
    if (kept?.bundle) await this.#restore(kept.state, kept.bundle, now);
  }

  /**
   * Looks for a newer release and takes it into use. On failure the last good
   * bundle goes on, unless the publisher has stopped it.
   *
   * @param {Uint8Array | null} root that the caller trusts, to begin with; null:
   *   there is a state
   * @param {number} now Unix seconds
   * @returns {Promise<boolean>} whether another bundle is in use than before
   * @throws {NearsideError} the words of ABI.md, 'storage', and what fetch throws
   */
  async update(root, now) {
    const before = this.#whole;
    for (;;) {
      try {
        await this.#attempt(root, now);
        return this.#whole !== before;
      } catch (error) {
        // Every new start is a step that another tab has made, so there is an end.
        if (!(error instanceof Moved)) throw error;
      }
    }
  }

  /** @param {Uint8Array | null} root @param {number} now */
  async #attempt(root, now) {
    const guest = await instantiate(this.#following.module);
    const kept = await this.#stored((store) => store.read());
    if (!kept && !root) throw new NearsideError('storage', 'channel: the state is gone; open again');
    // What another tab has brought.
    if (kept?.bundle && kept.bundle.manifest !== this.#whole) await this.#restore(kept.state, kept.bundle, now);

    const lost = !kept || said(kept.state).opened !== this.#whole;
    let found = await this.#follow(guest, root, kept?.state ?? null, lost, now);
    if (!found.release && !lost && this.#guest && !same(said(found.state).root, this.#root)) {
      // A root says until when a bundle may be used and who may sign it. What
      // others had signed may have been signed anew.
      const good = kept.bundle && (await this.#restore(found.state, kept.bundle, now));
      if (!good) found = await this.#follow(guest, null, found.state, true, now);
    }
    if (found.release) {
      const bundle = { manifest: found.release.manifest, parts: partsOf(found.release) };
      if (kept?.bundle) await this.#patch(found.patches, kept.bundle, bundle.parts);
      await this.#bring(guest, found.state, bundle, now);
    }
    if (!this.#guest) throw stopped('every version'); // or there had been a release
  }

  /**
   * Asks the module, and fetches what it names, until it wants no more.
   *
   * @param {Guest} guest @param {Uint8Array | null} root @param {Uint8Array | null} state @param {boolean} lost @param {number} now
   */
  async #follow(guest, root, state, lost, now) {
    const { name: channel, digest, fetch } = this.#following;
    /** @type {import('./follow.js').Patch[]} */
    let patches = [];
    for (let name = '', file; ; ) {
      const step = follow(guest, { anchor: state ?? /** @type {Uint8Array} */ (root), channel, now, name, file, module: digest, lost });
      await this.#write(state, step.state);
      state = step.state;
      if (step.want === '') return { state, patches, release: step.release };
      patches = step.patches;
      file = await fetch((name = step.want), step.max);
    }
  }

  /**
   * Puts a release together, opens it and takes it into use.
   *
   * @param {Guest} guest @param {Uint8Array} state @param {Bundle} bundle @param {number} now
   */
  async #bring(guest, state, bundle, now) {
    const arriving = await this.#receive(guest, state, bundle.parts, now, (part) => this.#chunk(part));
    await this.#write(state, /** @type {Uint8Array} */ (arriving.state), bundle);
    this.#take(guest, state, bundle.manifest);
  }

  /**
   * Makes chunks of a release from the last good bundle, where the head names a
   * patch that takes fewer bytes than the chunks that are missing. What comes of
   * it counts as far as its hashes are right; when nothing does, chunks are
   * fetched as without a patch.
   *
   * @param {import('./follow.js').Patch[]} patches @param {Bundle} from @param {Part[]} to
   */
  async #patch(patches, from, to) {
    const patch = patches.find((patch) => patch.from === from.manifest);
    if (!patch) return;
    const { store, fetch } = this.#following;
    const had = new Set(chunksOf(from.parts).map(({ hash }) => hash));
    /** @type {Map<string, number>} */
    const missing = new Map();
    try {
      for (const { hash, bytes } of chunksOf(to)) if (!had.has(hash) && !(await store.chunk(hash))) missing.set(hash, bytes);
      if (patch.bytes >= sum([...missing.values()])) return;
      const file = await fetch(`patches/${patch.digest}`, patch.bytes);
      if (file.length !== patch.bytes || (await sha256(file)) !== patch.digest) return;
      const old = new Uint8Array(sum(chunksOf(from.parts).map(({ bytes }) => bytes)));
      let at = 0;
      for (const { hash, bytes } of chunksOf(from.parts)) {
        old.set((await store.chunk(hash)) ?? new Uint8Array(0), at);
        at += bytes;
      }
      const body = await applyPatch(old, file, sum(chunksOf(to).map(({ bytes }) => bytes)));
      at = 0;
      for (const { hash, bytes } of chunksOf(to)) {
        const chunk = body.slice(at, (at += bytes));
        if (missing.delete(hash) && (await leafHash(chunk)) === hash) await store.keep(hash, chunk);
      }
    } catch {
      // The chunks will do. What is wrong with the network or the store they will tell.
    }
  }

  /** @param {Uint8Array} state @param {Bundle} bundle @param {number} now @returns {Promise<boolean>} whether it is in use */
  async #restore(state, { manifest, parts }, now) {
    const guest = await instantiate(this.#following.module);
    try {
      await this.#receive(guest, state, parts, now, async ({ hash }) => {
        const chunk = await this.#stored((store) => store.chunk(hash)); // the module will look at it
        if (!chunk) throw new NearsideError('storage', `channel: chunk ${hash} is gone`);
        return chunk;
      });
    } catch (error) {
      if (!this.#guest) this.#refusal = error;
      return false;
    }
    this.#take(guest, state, manifest);
    return true;
  }

  /**
   * Passes the parts of a file to an instance, in order. When nothing else is in
   * use the bundle is as soon as it can answer.
   *
   * @param {Guest} guest @param {Uint8Array} state @param {Part[]} parts @param {number} now
   * @param {(chunk: Chunk) => Promise<Uint8Array>} get
   */
  async #receive(guest, state, parts, now, get) {
    const total = sum(parts.map((part) => ('hash' in part ? part.bytes : part.length)));
    const arriving = guest.receive(state, total, now);
    const chunks = inOrder(chunksOf(parts), get);
    let loaded = 0;
    try {
      for (const part of parts) {
        const bytes = 'hash' in part ? /** @type {Uint8Array} */ ((await chunks.next()).value) : part;
        arriving.write(bytes);
        this.#following.onProgress?.((loaded += bytes.length), total);
        if (arriving.open && !this.#guest) this.#take(guest, state, '');
      }
      arriving.close();
    } catch (error) {
      arriving.abort();
      // What was in use early goes on, unless the instance is lost or miscomputes.
      const { code } = /** @type {any} */ (error);
      if (this.#guest === guest && (code === 'known-answer' || code === 'trap')) this.#drop(error);
      throw error;
    }
    return arriving;
  }

  /** A chunk that is kept already, or else is fetched now, and that is right. @param {Chunk} chunk */
  #chunk(chunk) {
    // A release may have the same leaf twice.
    let coming = this.#coming.get(chunk.hash);
    if (!coming) {
      coming = this.#get(chunk).finally(() => this.#coming.delete(chunk.hash));
      this.#coming.set(chunk.hash, coming);
    }
    return coming;
  }

  /** @param {Chunk} chunk */
  async #get({ hash, bytes }) {
    const kept = await this.#stored((store) => store.chunk(hash));
    if (kept && kept.length === bytes && (await leafHash(kept)) === hash) return kept;
    const chunk = await this.#following.fetch(`chunks/${hash}`, bytes);
    if (chunk.length !== bytes || (await leafHash(chunk)) !== hash) throw new NearsideError('hash', `channel: chunk ${hash}: other bytes`);
    try {
      await this.#following.store.keep(hash, chunk);
    } catch (error) {
      // The disk is full: the bundle lives as long as the page.
      if (!this.#warned) this.#following.warn(`channel: cannot keep chunks: ${/** @type {Error} */ (error).message}`);
      this.#warned = true;
    }
    return chunk;
  }

  /** @param {Guest} guest @param {Uint8Array} state @param {string} whole */
  #take(guest, state, whole) {
    const { version, expires } = readManifest(guest.manifest());
    [this.#guest, this.#version, this.#expires, this.#whole] = [guest, version, expires, whole];
    this.#root = said(state).root;
    this.#following.onUse?.();
  }

  /** What a state says holds from now on. @param {Uint8Array} state */
  #obey(state) {
    const { time, least } = said(state);
    this.#time = time;
    if (this.#guest && this.#version < least) this.#drop(stopped(`version ${this.#version}`));
  }

  /** @param {unknown} why */
  #drop(why) {
    this.#guest = null;
    this.#whole = '';
    this.#refusal = why;
  }

  /** Stores a state before anything else is done. @param {Uint8Array | null} before @param {Uint8Array} after @param {Bundle} [bundle] */
  async #write(before, after, bundle) {
    const changed = bundle || !before || !same(before, after);
    if (changed && !(await this.#stored((store) => store.write(before, after, bundle)))) throw new Moved();
    this.#obey(after);
  }

  /** @template T @param {(store: import('./store.js').Store) => Promise<T>} work @returns {Promise<T>} */
  async #stored(work) {
    try {
      return await work(this.#following.store);
    } catch (cause) {
      throw new NearsideError('storage', `channel: ${/** @type {Error} */ (cause).message}`, { cause });
    }
  }
}

/** @param {string} what */
function stopped(what) {
  return new NearsideError('stopped', `channel: the publisher has stopped ${what}`);
}

/** A release as the parts of a file. @param {import('./follow.js').Release} release @returns {Part[]} */
function partsOf({ sections, leaves }) {
  /** @type {Part[]} */
  const parts = [];
  let at = 0;
  for (const { head, bytes } of sections) {
    parts.push(head.slice()); // a view of the whole answer would be stored with it
    for (let from = 0; from === 0 || from < bytes; from += leafSize) {
      const hash = toHex(leaves.subarray(at, (at += 32)));
      if (bytes > 0) parts.push({ hash, bytes: Math.min(leafSize, bytes - from) }); // nothing is nowhere to be fetched
    }
  }
  return parts;
}

/** What SPEC.md calls the hash of a leaf, in hex. @param {Uint8Array} leaf */
function leafHash(leaf) {
  const prefixed = new Uint8Array(leaf.length + 1);
  prefixed.set(leaf, 1);
  return sha256(prefixed);
}

/** In hex. @param {Uint8Array} bytes */
async function sha256(bytes) {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', /** @type {Uint8Array<ArrayBuffer>} */ (bytes))));
}

/** @param {number[]} list */
function sum(list) {
  return list.reduce((total, n) => total + n, 0);
}

/**
 * What a state says: the document of the trusted root, when the newest head was
 * issued, the least version that may still be used, and the manifest of the
 * release that was opened last, in hex.
 *
 * @param {Uint8Array} state
 * @returns {{root: Uint8Array, time: number, least: number, opened: string}}
 */
function said(state) {
  const top = decode(state);
  return { root: top.get(1), time: top.get(3), least: top.get(8), opened: toHex(top.get(10).get(2)) };
}

/**
 * Does work on every item, on a few at a time, and yields what comes of it in
 * the items' order.
 *
 * @template T, R
 * @param {T[]} items
 * @param {(item: T) => Promise<R>} work
 */
async function* inOrder(items, work) {
  /** @type {Promise<R>[]} */
  const running = [];
  for (const item of items) {
    const promise = work(item);
    promise.catch(() => {}); // the first failure in order is the one that is told
    running.push(promise);
    if (running.length === width) yield /** @type {Promise<R>} */ (running.shift());
  }
  yield* running;
}
