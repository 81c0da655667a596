// What this page asked of the network, and the door that is shut once nothing
// more is needed.

/**
 * @typedef {import('./watch.js').Report} Report
 *
 * @typedef {object} Account
 * @property {Date | null} shut when the door was shut
 * @property {{name: string, bytes: number}[]} before files loaded before the door was shut
 * @property {number} after requests that left since
 * @property {number} refused attempts that the browser refused since
 */

/**
 * Three sources are counted, because none sees all. The service worker reports
 * what the page and its workers ask for. Resource timing has an entry for each
 * request of the page, also of those that did not pass the service worker. A
 * securitypolicyviolation event tells of each request that was not made.
 */
export class Ledger {
  /** @type {Account} */
  #account = { shut: null, before: [], after: 0, refused: 0 };
  /** Paths that are known already, and whose resource timing is still to come. @type {string[]} */
  #known = [];
  #onRow;
  #onChange;

  /**
   * @param {(row: Report) => void} onRow is called for each request
   * @param {(account: Account) => void} onChange is called when a count has changed
   */
  constructor(onRow, onChange) {
    this.#onRow = onRow;
    this.#onChange = onChange;
    document.addEventListener('securitypolicyviolation', ({ blockedURI, effectiveDirective }) => this.refuse('page', blockedURI, effectiveDirective));
  }

  /** Counts by resource timing too, from the page's beginning: when the service worker has told of what it saw. */
  time() {
    performance.getEntriesByType('navigation').forEach((entry) => this.#timed(entry));
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => this.#timed(entry))).observe({ type: 'resource', buffered: true });
  }

  /** The service worker saw a request. @param {Report} report */
  note(report) {
    this.#onRow(report);
    if (report.who === 'page') this.#known.push(report.path);
    const { shut } = this.#account;
    if (shut && report.time > shut.getTime() && report.outcome === 'network') {
      this.#account.after++;
      this.#onChange(this.#account);
    }
  }

  /** The browser refused a request. @param {'page' | 'worker'} who @param {string} uri @param {string} directive that did it */
  refuse(who, uri, directive) {
    const path = URL.canParse(uri) ? new URL(uri).pathname : uri;
    this.#onRow({ time: Date.now(), who, method: directive, path, sent: 0, credentials: 'none', outcome: 'refused' });
    this.#account.refused++;
    this.#known.push(path);
    this.#onChange(this.#account);
  }

  /** @param {PerformanceEntry} entry */
  #timed(entry) {
    const { name, startTime, decodedBodySize, workerStart } = /** @type {PerformanceResourceTiming} */ (entry);
    const path = new URL(name).pathname;
    const time = performance.timeOrigin + startTime;
    const late = this.#account.shut !== null && time > this.#account.shut.getTime();
    if (!late) this.#account.before.push({ name: path, bytes: decodedBodySize });
    const place = this.#known.indexOf(path);
    // Browsers time some attempts that they refused, pictures among them, and not
    // all of them say what passed the service worker.
    if (place >= 0) this.#known.splice(place, 1);
    else if (workerStart === 0) {
      this.#onRow({ time, who: 'page', method: 'GET', path, sent: 0, credentials: 'same-origin', outcome: 'network' });
      if (late) this.#account.after++;
    }
    this.#onChange(this.#account);
  }

  /** Shuts the door: from now on the browser refuses every request of this page. */
  shut() {
    const policy = document.createElement('meta');
    policy.httpEquiv = 'Content-Security-Policy';
    policy.content = "default-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
    document.head.append(policy);
    this.#account.shut = new Date();
    this.#onChange(this.#account);
  }
}

/** Every address that this page loaded from, its own first. */
export function loadedFrom() {
  const own = [location.href, ...performance.getEntriesByType('resource').map(({ name }) => name)];
  return [...new Set(own.map((url) => url.split('#')[0]))].filter((url) => new URL(url).origin === location.origin);
}
