// The page's end of the engine: calls out, answers in, wherever the engine is.

import { NearsideError } from './words.js';

/**
 * @typedef {object} Connecting
 * @property {'auto' | boolean} worker whether the engine has a thread of its own;
 *   'auto': where that can be had
 * @property {boolean} following whether it is a channel's
 * @property {Record<string, (...args: any) => void>} told what to do when the
 *   engine tells something, by name
 */

export class Connection {
  /** What to do when the engine tells something, by name. */
  told;
  /** Calls that came before the engine. @type {[any, Transferable[]][] | null} */
  #queue = [];
  /** @type {(message: any, transfer: Transferable[]) => void} */
  #send = () => {};
  /** @type {Map<number, {resolve: (value: any) => void, reject: (error: unknown) => void}>} */
  #waiting = new Map();
  #calls = 0;
  #stop = () => {};
  /** @type {NearsideError | undefined} */
  #closed;

  /** @param {Connecting} connecting */
  constructor({ worker, following, told }) {
    this.told = told;
    this.#connect(worker, following).then(
      (send) => {
        if (this.#closed) return;
        this.#send = send;
        this.#queue?.forEach((args) => send(...args));
        this.#queue = null;
      },
      (error) => this.close(error),
    );
  }

  /**
   * @param {string} name
   * @param {...any} args are copied, so the caller's bytes stay the caller's
   * @returns {Promise<any>}
   */
  async call(name, ...args) {
    if (this.#closed) throw this.#closed;
    const id = this.#calls++;
    this.post(name, args, [], id);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /**
   * Calls without waiting for an answer.
   *
   * @param {string} name
   * @param {any[]} args
   * @param {Transferable[]} transfer what of args is handed over, not copied
   * @param {number} [id] of a call that waits all the same
   */
  post(name, args, transfer, id) {
    const message = { id, name, args };
    if (this.#queue) this.#queue.push([message, transfer]);
    else this.#send(message, transfer);
  }

  /** Ends the engine. @param {NearsideError} error what every call throws from now on */
  close(error) {
    if (this.#closed) return;
    this.#closed = error;
    this.#stop();
    this.#queue = null;
    this.#send = () => {};
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  /** @param {'auto' | boolean} worker @param {boolean} following @returns {Promise<(message: any, transfer: Transferable[]) => void>} */
  async #connect(worker, following) {
    if (worker !== false) {
      try {
        return await this.#start(following);
      } catch (cause) {
        const { message } = /** @type {Error} */ (cause);
        if (worker === true) throw new NearsideError('network', `nearside: worker: ${message}`, { cause });
        if (globalThis.Worker) this.told.warn(`nearside: worker: ${message}; the page ranks`);
      }
    }
    const { answer, Engine } = await import('./engine.js');
    const Kind = following ? (await import('./channel-engine.js')).ChannelEngine : Engine;
    const engine = new Kind((/** @type {string} */ name, /** @type {any} */ ...args) => this.#hear({ name, args }));
    return (message) => answer(engine, message, (back) => this.#hear(back));
  }

  /** Starts the worker, and waits until it says something. @param {boolean} following @returns {Promise<(message: any, transfer: Transferable[]) => void>} */
  #start(following) {
    return new Promise((resolve, reject) => {
      const thread = spawn(following);
      this.#stop = () => thread.terminate();
      let begun = false;
      const lost = (/** @type {string} */ why) => {
        if (begun) this.close(new NearsideError('lost', `nearside: worker: ${why}`));
      };
      // The worker holds a lock as long as it lives: nothing else tells when the
      // browser ends one, as it may when memory is short.
      const lock = `nearside ${Math.random()}`;
      thread.onmessage = ({ data }) => {
        if (!begun) globalThis.navigator?.locks?.request(lock, () => lost('it has ended')).catch(() => {});
        begun = true;
        resolve((message, transfer) => thread.postMessage(message, transfer));
        this.#hear(data);
      };
      thread.onerror = (event) => {
        lost(event.message);
        reject(new Error(event.message || 'not loaded'));
      };
      thread.postMessage({ name: 'hello', args: [lock] });
    });
  }

  /** @param {any} message */
  #hear({ id, value, error, name, args }) {
    if (this.#closed) return;
    if (name) return this.told[name](...args);
    const call = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) call?.reject(new NearsideError(error.code, error.message));
    else call?.resolve(value);
  }
}

/** Vouches for the files beside this one. @type {any} */
let policy;

/** @param {boolean} following */
function spawn(following) {
  // Under Trusted Types a URL has to be vouched for, and this file knows its
  // neighbours. What a bundler makes of it has others.
  if (/^http.*\/connection\.js$/.test(import.meta.url)) {
    try {
      policy ??= /** @type {any} */ (globalThis).trustedTypes.createPolicy('nearside', {
        createScriptURL: (/** @type {string} */ file) => `${new URL(file, import.meta.url)}`,
      });
      return new Worker(policy.createScriptURL(following ? 'channel-worker.js' : 'worker.js'), { type: 'module' });
    } catch {
      // There is no such thing, or this policy is not allowed: a plain URL will do, or tell.
    }
  }
  // Bundlers look for these very words.
  return following
    ? new Worker(new URL('./channel-worker.js', import.meta.url), { type: 'module' })
    : new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
}
