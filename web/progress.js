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
  /** Undefined when there is nobody, or nothing more. */
  #tell;
  #files = { module: { loaded: 0, total: 0 }, bundle: { loaded: 0, total: 0 } };
  #told = -pace;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {((progress: Progress) => void) | undefined} tell */
  constructor(tell) {
    this.#tell = tell;
  }

  /** @param {'module' | 'bundle'} file @param {number} loaded @param {number} total */
  step(file, loaded, total) {
    if (!this.#tell) return;
    this.#files[file] = { loaded, total };
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#report();
    }, this.#told + pace - performance.now());
  }

  ready() {
    this.#report('ready');
    this.stop();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#tell = undefined;
  }

  /** @param {'ready'} [phase] */
  #report(phase) {
    this.#told = performance.now();
    const { module, bundle } = this.#files;
    const loaded = module.loaded + bundle.loaded;
    const total = module.total && bundle.total && module.total + bundle.total;
    this.#tell?.({ phase: phase ?? (total && loaded >= total ? 'verify' : 'download'), loaded, total, module, bundle });
  }
}
