// What this page asked of the network, from the browser's own books, and the
// door that is shut once nothing more is needed.

/**
 * @typedef {object} Account
 * @property {Date} shut when the door was shut
 * @property {{name: string, bytes: number}[]} before files loaded before the door was shut
 * @property {string[]} after addresses asked for since
 * @property {string[]} refused addresses that the browser refused since
 */

/**
 * Shuts the door: from now on the browser refuses every request of this page.
 * Counts those that were made nevertheless, and those that were refused.
 *
 * Two sources are counted, because neither sees all: resource timing has an
 * entry for each request that was made, and a securitypolicyviolation event
 * tells of each that was not.
 *
 * @param {(account: Account) => void} onChange is called at once and after each change
 */
export function shutDoor(onChange) {
  const shut = performance.now();
  /** @type {Account} */
  const account = { shut: new Date(), before: [], after: [], refused: [] };

  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) file(entry);
    onChange(account);
  });
  /** @param {PerformanceEntry} entry */
  function file(entry) {
    const { name, startTime, decodedBodySize } = /** @type {PerformanceResourceTiming} */ (entry);
    if (startTime < shut) account.before.push({ name: new URL(name).pathname, bytes: decodedBodySize });
    else account.after.push(name);
  }
  performance.getEntriesByType('navigation').forEach(file);
  observer.observe({ type: 'resource', buffered: true });

  document.addEventListener('securitypolicyviolation', ({ blockedURI }) => {
    account.refused.push(blockedURI);
    onChange(account);
  });
  const policy = document.createElement('meta');
  policy.httpEquiv = 'Content-Security-Policy';
  policy.content = "default-src 'none'";
  document.head.append(policy);
  onChange(account);
}
