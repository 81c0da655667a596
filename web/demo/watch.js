// The page's end of sw.js, which sees the requests of the page and of its workers,
// and can answer them without a network. The page works without it too.

import { scriptAddress } from './trust.js';

/**
 * @typedef {object} Report a request, as the service worker saw it
 * @property {string} [page] whose it is: the id of a tab's client, where that is known
 * @property {number} time milliseconds since 1970
 * @property {'page' | 'worker' | 'keeper'} who asked; the keeper is the service worker itself
 * @property {string} method
 * @property {string} path with the origin where that is another
 * @property {number} sent bytes of its body
 * @property {string} credentials the mode: 'omit', 'same-origin' or 'include'
 * @property {'network' | 'kept copy' | 'no answer' | 'refused'} outcome
 *
 * @typedef {object} Kept
 * @property {number} files
 * @property {number} bytes
 * @property {number} missing files of this page that are not among them
 */

/** How long the first visit waits for the service worker, in milliseconds. */
const patience = 3000;

/** How long the page waits for copies to be kept, before it shuts the door. */
const keeping = 20_000;

export class Watch {
  /** Why there is none; '' where there is one. */
  complaint = '';
  /** Whether the person switched the network off. */
  offline = false;
  /** @type {ServiceWorker | undefined} */
  #worker;

  /**
   * Begins to watch, before the page asks for anything large.
   *
   * @param {(report: Report) => void} onReport
   */
  static async begin(onReport) {
    const watch = new Watch();
    const container = navigator.serviceWorker;
    if (!container) watch.complaint = 'This browser has no service worker for this address, so the page can not watch its requests from outside.';
    else {
      try {
        await watch.#begin(container, onReport);
      } catch (error) {
        watch.complaint = `The browser gave this page no service worker (${/** @type {Error} */ (error).message}).`;
      }
    }
    return watch;
  }

  /** @param {ServiceWorkerContainer} container @param {(report: Report) => void} onReport */
  async #begin(container, onReport) {
    const { active } = await container.register(scriptAddress('sw.js'));
    if (!container.controller) {
      const taken = new Promise((resolve) => container.addEventListener('controllerchange', resolve, { once: true }));
      if (active) call(active, 'claim'); // the page was loaded past it
      await Promise.race([taken, new Promise((resolve) => setTimeout(resolve, patience))]);
    }
    if (!container.controller) throw new Error('it did not come in time');
    const worker = (this.#worker = container.controller);
    const { offline, page, log } = await call(worker, 'state', performance.timeOrigin);
    this.offline = offline;
    const hear = (/** @type {Report} */ report) => {
      if (!report.page || report.page === page) onReport(report); // not what another tab asks for
    };
    log.forEach(hear);
    new BroadcastChannel('nearside-demo').onmessage = ({ data }) => hear(data);
  }

  /** Sees to it that all files are kept. @param {string[]} urls @returns {Promise<Kept | null>} null: nobody keeps any */
  async complete(urls) {
    if (!this.#worker) return null;
    const kept = await Promise.race([call(this.#worker, 'complete', urls), new Promise((resolve) => setTimeout(resolve, keeping, null))]);
    if (!kept) this.complaint = 'The service worker did not answer.';
    return kept;
  }

  /** Switches the network off, or on. @param {boolean} on it is off */
  async switch(on) {
    if (this.#worker) await call(this.#worker, 'switch', on);
    this.offline = on;
  }

  /** Removes the kept copies and the service worker itself. */
  async remove() {
    if (this.#worker) await call(this.#worker, 'remove');
  }
}

/** @param {ServiceWorker} worker @param {string} name @param {any} [arg] @returns {Promise<any>} */
function call(worker, name, arg) {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = ({ data }) => resolve(data);
    worker.postMessage({ name, arg }, [port2]);
  });
}
