// How far opening has come, in snapshots that a page can draw as they are.

/**
 * @typedef {object} Progress
 * @property {'download' | 'verify' | 'ready'} phase ready comes last, and once
 * @property {number} loaded bytes of the module and the bundle so far
 * @property {number} total bytes in all; 0: a server did not say
 * @property {{loaded: number, total: number}} module
 * @property {{loaded: number, total: number}} bundle
 */

/** Milliseconds between two snapshots. */
const pace = 100;

export class Reporter {
  #tell;
  #files = { module: { loaded: 0, total: 0 }, bundle: { loaded: 0, total: 0 } };
  #told = -Infinity;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #ended;

  /** @param {((progress: Progress) => void) | undefined} tell */
  constructor(tell) {
    this.#tell = tell;
    this.#ended = !tell;
  }

  /** @param {'module' | 'bundle'} file @param {number} loaded @param {number} total */
  step(file, loaded, total) {
    if (this.#ended) return;
    this.#files[file] = { loaded, total };
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#report();
    }, Math.max(0, this.#told + pace - performance.now()));
  }

  ready() {
    if (this.#ended) return;
    this.stop();
    this.#report('ready');
  }

  stop() {
    clearTimeout(this.#timer);
    this.#ended = true;
  }

  /** @param {'ready'} [phase] */
  #report(phase) {
    this.#told = performance.now();
    const { module, bundle } = this.#files;
    const known = module.total > 0 && bundle.total > 0;
    const loaded = module.loaded + bundle.loaded;
    const total = known ? module.total + bundle.total : 0;
    this.#tell?.({ phase: phase ?? (known && loaded >= total ? 'verify' : 'download'), loaded, total, module: { ...module }, bundle: { ...bundle } });
  }
}
