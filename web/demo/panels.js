// What the page says about itself: what left, how fast it was, who made the
// model, and from whom it learnt.

import { byId, withText } from './dom.js';

/** @param {import('./ledger.js').Account} account */
export function showAccount({ shut, before, after, refused }) {
  const since = shut.toLocaleTimeString('en', { hour: '2-digit', minute: '2-digit', hour12: false });
  byId('verdict').textContent = after.length === 0 ? 'Nothing' : 'Something';
  byId('verdict-note').textContent = `${after.length} requests since ${since}, ${refused.length} refused`;
  byId('loaded-total').textContent = `${before.length} files, ${size(before.reduce((sum, { bytes }) => sum + bytes, 0))}`;
  byId('loaded').replaceChildren(...before.map(({ name, bytes }) => {
    const row = document.createElement('li');
    row.append(withText('span', name), withText('span', size(bytes)));
    return row;
  }));
}

/** @param {number[]} times of the lists so far, in milliseconds */
export function showSpeed(times) {
  const sorted = times.toSorted((a, b) => a - b);
  describe('speed', [
    ['From click to list', `${times[times.length - 1].toFixed(1)} ms`],
    ['Median', `${sorted[sorted.length >> 1].toFixed(1)} ms of ${times.length}`],
  ]);
}

/**
 * @param {import('../manifest.js').Manifest} manifest
 * @param {import('../guest.js').Receipt} receipt
 * @param {string} [late] what is to be said of rows that are not there; how large they are when left out
 */
export function showModel({ channel, version, model, created, expires, retrieval, sections }, receipt, late) {
  const bytes = (/** @type {string[]} */ ...kinds) => size(sections.reduce((sum, { kind, bytes }) => sum + (kinds.includes(kind) ? bytes : 0), 0));
  /** @type {[string, string][]} */
  const rows = [];
  if (retrieval) rows.push(['Codes', `${retrieval.codec}, ${bytes('rows', 'row-scales', 'centroids', 'centroid-scales')}`]);
  if (retrieval && retrieval.rescore !== 'none') rows.push(['Rows that refine', `${retrieval.rescore}, ${late ?? bytes('rescore', 'rescore-scales')}`]);
  describe('model', [
    ['Channel', [channel || 'without a name', `version ${version}`].join(', ')],
    ['Learnt with', model],
    ...rows,
    ['Made', date(created)],
    ['Good until', date(expires)],
    ['Signatures', 'Ed25519 and ML-DSA-65'],
    ['Manifest that was signed, SHA-256', receipt.manifest],
  ]);
}

/** @param {import('../manifest.js').Privacy} privacy */
export function showLabel({ users, events, minItemUsers, dropped }) {
  describe('label', [
    ['People', users.toLocaleString('en')],
    ['Their choices', events.toLocaleString('en')],
    ['People behind any title', `${minItemUsers.toLocaleString('en')} or more`],
    ['Rows left out', dropped.toLocaleString('en')],
  ]);
}

/** Fills a description list. @param {string} id @param {[string, string][]} rows */
function describe(id, rows) {
  byId(id).replaceChildren(...rows.map(([term, detail]) => {
    const group = document.createElement('div');
    group.classList.toggle('long', detail.length > 30);
    group.append(withText('dt', term), withText('dd', detail));
    return group;
  }));
}

/** @param {number} seconds Unix time */
function date(seconds) {
  return new Date(1000 * seconds).toLocaleDateString('en', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });
}

/** @param {number} bytes */
function size(bytes) {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(2)} MB`;
}
