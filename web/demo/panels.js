// What the page says about itself: what left, what is kept, how fast it was, who
// made the model and what is in it, and from whom it learnt.

import { byId, fromTemplate, withText } from './dom.js';

const rowsShown = 200;
const sparks = 60;

/** @param {import('./ledger.js').Account} account */
export function showAccount({ shut, before, after, refused }) {
  byId('loaded-total').textContent = `${before.length} files, ${size(before.reduce((sum, { bytes }) => sum + bytes, 0))}`;
  byId('loaded').replaceChildren(...before.map(({ name, bytes }) => {
    const row = document.createElement('li');
    row.append(withText('span', name), withText('span', size(bytes)));
    return row;
  }));
  if (!shut) return;
  byId('verdict').textContent = after === 0 ? 'Nothing' : 'Something';
  byId('verdict-note').textContent = `${after} requests since ${clock(shut.getTime()).slice(0, 5)}, ${refused} refused`;
}

/** Rows of requests that are to be shown in the next frame. @type {HTMLElement[]} */
let fresh = [];

/** Adds a request to the live list. @param {import('./watch.js').Report} report */
export function showRequest({ time, who, method, path, sent, credentials, outcome }) {
  const row = fromTemplate('request');
  row.dataset.outcome = outcome;
  row.querySelector('.path').textContent = outcome === 'refused' ? path : `${method} ${path}`;
  row.querySelector('.path').title = path;
  row.querySelector('.outcome').textContent = outcome;
  const asked = outcome === 'refused' ? [who, 'nothing sent', method] : [who, `${sent} B sent`, `credentials ${credentials}`];
  row.querySelector('.asked').textContent = `${clock(time)} ${asked.join(', ')}`;
  if (fresh.push(row) === 1) requestAnimationFrame(showFresh);
}

function showFresh() {
  const list = byId('requests');
  const follow = !list.contains(document.activeElement) && !list.matches(':hover');
  list.append(...fresh);
  fresh = [];
  while (list.children.length > rowsShown) list.firstChild.remove();
  if (follow) list.scrollTop = list.scrollHeight;
}

/** @param {import('./watch.js').Watch} watch @param {import('./watch.js').Kept | null} kept */
export function showKept({ complaint, offline }, kept) {
  const note = byId('kept-note');
  byId('offline').disabled = byId('remove').disabled = !kept;
  byId('offline').checked = offline;
  byId('mode').hidden = !offline;
  if (!kept) note.textContent = `${complaint} No file is kept, and without a network the page does not open.`;
  else if (kept.missing > 0) note.textContent = `Not yet: ${kept.missing} of this page’s files could not be kept.`;
  else note.textContent = `Yes. ${kept.files} files, ${size(kept.bytes)}, are kept in this browser: page, SDK, module and model.`;
}

/** @param {number[]} times of the lists so far, in milliseconds */
export function showSpeed(times) {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (/** @type {number} */ share) => `${sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))].toFixed(1)} ms`;
  describe('speed', [
    ['This list', `${times[times.length - 1].toFixed(1)} ms`],
    ['Median', at(0.5)],
    ['95 of 100 within', at(0.95)],
    ['Lists in this visit', String(times.length)],
  ]);
  const last = times.slice(-sparks);
  const top = Math.max(0.1, ...last);
  const points = last.map((ms, i) => `${(100 * i) / Math.max(1, last.length - 1)},${30 - (28 * ms) / top}`);
  byId('spark').querySelector('polyline').setAttribute('points', points.join(' '));
}

/**
 * @param {import('../manifest.js').Manifest} manifest
 * @param {import('../guest.js').Receipt} receipt
 * @param {string} [late] what is to be said of rows that are not there; how large they are when left out
 */
export function showModel({ channel, version, model, created, expires, retrieval, sections, limits }, receipt, late) {
  const bytes = (/** @type {string[]} */ ...kinds) => size(sections.reduce((sum, { kind, bytes }) => sum + (kinds.includes(kind) ? bytes : 0), 0));
  /** @type {[string, string][]} */
  const rows = [];
  if (retrieval) rows.push(['Codes', `${retrieval.codec}, ${bytes('rows', 'row-scales', 'centroids', 'centroid-scales')}`]);
  if (retrieval && retrieval.rescore !== 'none') rows.push(['Rows that refine', `${retrieval.rescore}, ${late ?? bytes('rescore', 'rescore-scales')}`]);
  describe('model', [
    ['Channel', channel || 'without a name'],
    ['Version', String(version)],
    ['Learnt with', model],
    ['Titles', limits.items.toLocaleString('en')],
    ...rows,
    ['Made', date(created)],
    ['Good until', date(expires)],
    ['Signatures', 'Ed25519 and ML-DSA-65'],
    ['Manifest that was signed, SHA-256', receipt.manifest],
  ]);
  const most = Math.max(...sections.map(({ bytes }) => bytes));
  byId('sections').replaceChildren(...sections.toSorted((a, b) => b.bytes - a.bytes).map(({ kind, bytes }) => {
    const row = fromTemplate('section');
    row.querySelector('.kind').textContent = kind;
    row.querySelector('.bytes').textContent = size(bytes);
    row.querySelector('.bar span').style.width = `${(100 * bytes) / most}%`;
    return row;
  }));
}

/** @param {{ids: string[], threshold: number} | null} keys */
export function showKeys(keys) {
  byId('keys-note').textContent = keys
    ? `The page came with ${keys.ids.length === 1 ? 'one key' : `${keys.ids.length} keys`} that may sign, of which ${keys.threshold} must. Had they not, nothing would be shown.`
    : 'The module checked them; this page can not read their names.';
  byId('keys').replaceChildren(...(keys?.ids ?? []).map((id) => withText('li', id)));
}

/** @param {{bytes: number, hash: string} | null} module null: not known */
export function showModule(module) {
  describe('module', module ? [['WebAssembly', size(module.bytes)], ['SHA-256', module.hash]] : [['WebAssembly', 'not known']]);
}

/** Asks the browser, which may take its time. */
export async function showMemory() {
  const asked = /** @type {any} */ (performance).measureUserAgentSpecificMemory;
  describe('memory', [['Memory', asked ? 'being measured' : 'this browser does not say']]);
  if (!asked) return;
  const { bytes } = await asked.call(performance).catch(() => ({}));
  describe('memory', [['Memory', bytes ? `${size(bytes)}, page and workers` : 'this browser does not say']]);
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
  return new Date(1000 * seconds).toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });
}

/** @param {number} time milliseconds since 1970 */
function clock(time) {
  return new Date(time).toLocaleTimeString('en', { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
}

/** @param {number} bytes */
function size(bytes) {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(2)} MB`;
}
