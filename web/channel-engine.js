// The engine of a channel: its bundle comes from a store, and newer ones are put
// together behind it. What it needs of the channel it asks the page for, by name.

import { Channel } from './channel.js';
import { Engine } from './engine.js';
import { MemoryStore, openStore } from './store.js';
import { NearsideError } from './words.js';

/** How long an update waits for one in another tab, in milliseconds. */
const patience = 60_000;

export class ChannelEngine extends Engine {
  #tell;
  /** @type {Channel | undefined} */
  #channel;
  /** @type {import('./store.js').Store | undefined} */
  #store;
  /** Called when a bundle of the channel has come into use. */
  #used = () => {};
  /** Files that the page is fetching. @type {Map<number, {resolve: (file: Uint8Array) => void, reject: (error: NearsideError) => void}>} */
  #fetching = new Map();
  #fetches = 0;

  /** @param {import('./engine.js').Tell} tell */
  constructor(tell) {
    super();
    this.#tell = tell;
  }

  /**
   * Looks for what is stored of a channel.
   *
   * @param {string} name
   * @param {boolean} stored false: nothing is, nor will be
   * @returns {Promise<boolean>} whether there is a state, so that no root is needed
   */
  async find(name, stored) {
    this.#store = stored ? await openStore(name, (message) => this.#tell('warn', message)) : new MemoryStore();
    return (await this.#store.read()) !== null;
  }

  /**
   * Follows a channel from what is stored.
   *
   * @param {{name: string, module: WebAssembly.Module, digest?: Uint8Array, now: number}} following
   *   digest of the module, where it is known
   * @returns {Promise<{manifest: import('./manifest.js').Manifest, whole: boolean} | null>}
   *   null: there is no bundle that is still good
   */
  async follow({ name, module, digest, now }) {
    const channel = (this.#channel = new Channel({
      name, module, digest,
      store: /** @type {import('./store.js').Store} */ (this.#store),
      fetch: (file, max) => new Promise((resolve, reject) => {
        this.#fetching.set(this.#fetches, { resolve, reject });
        this.#tell('fetch', this.#fetches++, file, max);
      }),
      onUse: () => this.#used(),
      onProgress: (loaded, total) => this.#tell('progress', 'bundle', loaded, total),
      warn: (message) => this.#tell('warn', message),
    }));
    await channel.restore(now);
    return channel.open ? { manifest: channel.manifest(now), whole: channel.whole } : null;
  }

  /** What has come of fetch. @param {number} id @param {Uint8Array | null} file @param {{code: string, message: string} | null} error */
  fetched(id, file, error) {
    const { resolve, reject } = this.#fetching.get(id) ?? {};
    this.#fetching.delete(id);
    if (file) resolve?.(file);
    else if (error) reject?.(new NearsideError(error.code, error.message));
  }

  /** Waits until a bundle of the channel can answer. @param {number} now */
  async inUse(now) {
    const channel = /** @type {Channel} */ (this.#channel);
    while (!channel.open) await new Promise((resolve) => (this.#used = () => resolve(undefined)));
    return channel.manifest(now);
  }

  /**
   * Looks for a newer release of the channel. Of several tabs one does at a time,
   * and the others find what it has stored.
   *
   * @param {Uint8Array | null} root to begin with
   * @param {number} now
   * @returns {Promise<import('./manifest.js').Manifest | null>} when another bundle is in use
   */
  update(root, now) {
    const channel = /** @type {Channel} */ (this.#channel);
    const look = async () => ((await channel.update(root, now)) ? channel.manifest(now) : null);
    return alone(`nearside ${channel.name}`, look);
  }

  /** @param {number} now @returns {import('./engine.js').Guest} */
  current(now) {
    return /** @type {Channel} */ (this.#channel).guest(now);
  }
}

/**
 * Works while no other tab does, under a lock. One that takes too long, as in a
 * tab that sleeps, is not waited for, and a page without cookies has none: the
 * store sees to it that two do no harm.
 *
 * @template T
 * @param {string} name
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
async function alone(name, work) {
  const { locks } = /** @type {any} */ (globalThis.navigator ?? {});
  if (!locks) return work();
  let begun = false;
  const signal = AbortSignal.timeout(patience);
  try {
    return await locks.request(name, { signal }, () => ((begun = true), work()));
  } catch (error) {
    if (begun) throw error;
    return work();
  }
}
