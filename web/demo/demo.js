// The demo page: a front page over any catalogue, which follows the person's
// taste without telling anybody.

import { NearsideError, open } from './sdk/nearside.js';
import { Cards, describe, fromTemplate, verbs } from './cards.js';
import { readCatalogue, splitTitle } from './catalogue.js';
import { cover } from './cover.js';
import { shutDoor } from './ledger.js';

/** @typedef {import('./catalogue.js').Item} Item */

// One leads and eight follow, in rows of four or two. A cold list has no leader.
const listLength = 9;
const shelfLength = 4;
const resultLength = 7;

const count = new Intl.NumberFormat('en');

/** @param {string} id @returns {any} */
const byId = (id) => document.getElementById(id);

async function start() {
  const nearside = await open({
    wasm: new URL('nearside.wasm', document.baseURI),
    bundle: new URL('bundle.nsb', document.baseURI),
    root: new URL('root.nsr', document.baseURI),
    onProgress: showProgress,
    onWarning: (message) => console.warn(message),
  });
  const catalogue = await readCatalogue(nearside);
  const manifest = nearside.manifest();
  const list = new Cards(byId('list'), catalogue.subjects, act);
  const shelf = new Cards(byId('shelf'), catalogue.subjects, act);
  let [subject] = catalogue.subjects;
  /** @type {number[]} */
  const times = [];

  /** Notes what the person did, and lets everything follow. @param {Item} item @param {'click' | 'like' | 'hide'} kind */
  async function act(item, kind) {
    nearside.observe({ item: item.id, kind });
    await follow(`You ${verbs[kind]} ${item.name}.`);
  }

  /** Brings the page into step with the history. @param {string} [news] what is read out first */
  async function follow(news = '') {
    const began = performance.now();
    const { items, receipt } = await nearside.recommend({ k: Math.min(listLength, manifest.limits.k) });
    times.push(performance.now() - began);

    byId('loading').hidden = true;
    byId('list').classList.toggle('led', !receipt.cold);
    byId('list-heading').textContent = receipt.cold ? 'Start here' : 'For you';
    byId('list-note').textContent = receipt.cold
      ? 'What most people chose. Open, like or hide something, and this page follows.'
      : `Chosen on this device from ${count.format(receipt.ranked)} titles, by ${receipt.used === 1 ? 'the one thing' : `the ${receipt.used} things`} it knows of you.`;
    list.show(items.slice(0, receipt.cold ? listLength - 1 : listLength).map(({ id, reasons }) => ({ item: /** @type {Item} */ (catalogue.byId.get(id)), reasons })));
    if (news) byId('status').textContent = `${news} The list changed; it now begins with ${items[0] ? splitTitle(items[0].title).name : 'nothing'}.`;
    showEvents();
    showShelf();
    showResults();
    showSpeed();
    return receipt;
  }

  function showEvents() {
    const events = nearside.history().reverse();
    byId('taste-count').textContent = String(events.length);
    byId('taste-empty').hidden = events.length > 0;
    byId('forget').hidden = events.length === 0;
    byId('events').replaceChildren(...events.map(({ item: id, kind }) => {
      const item = catalogue.byId.get(id);
      const row = fromTemplate('event');
      const name = item?.name ?? id;
      row.querySelector('use').setAttribute('href', { like: '#icon-like', hide: '#icon-hide' }[kind] ?? '#icon-open');
      row.querySelector('.title').textContent = name;
      row.querySelector('.kind').textContent = verbs[/** @type {keyof typeof verbs} */ (kind)];
      const remove = row.querySelector('.remove');
      remove.ariaLabel = `Forget ${name}`;
      remove.title = 'Forget this';
      remove.onclick = async () => {
        const place = [...byId('events').children].indexOf(row);
        nearside.forget(id);
        await follow(`${name} is forgotten.`);
        const next = byId('events').children[Math.min(place, byId('events').children.length - 1)];
        (next?.querySelector('.remove') ?? byId('taste')).focus({ preventScroll: true });
      };
      return row;
    }));
  }

  byId('forget').onclick = async () => {
    nearside.forget();
    await follow('Everything is forgotten.');
    byId('taste').focus({ preventScroll: true });
  };

  function showShelf() {
    const known = new Set(nearside.history().map(({ item }) => item));
    const items = catalogue.items.filter((item) => item.tags.includes(subject) && !known.has(item.id)).slice(0, shelfLength);
    shelf.show(items.map((item) => ({ item, reasons: [] })));
    byId('shelves').hidden = catalogue.subjects.length === 0;
  }

  byId('subjects').append(...catalogue.subjects.slice(0, 12).map((name) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = name;
    button.ariaPressed = String(name === subject);
    button.onclick = () => {
      subject = name;
      for (const other of byId('subjects').children) other.ariaPressed = String(other === button);
      showShelf();
    };
    return button;
  }));

  function showResults() {
    const query = byId('query').value.trim();
    const found = catalogue.search(query);
    byId('results').hidden = query === '';
    byId('found').textContent = query === '' ? '' : found.length === 1 ? 'One title' : `${count.format(found.length)} titles`;
    const known = new Map(nearside.history().map(({ item, kind }) => [item, kind]));
    byId('results').querySelector('ul').replaceChildren(...found.slice(0, resultLength).map((item) => {
      const row = fromTemplate('result');
      const kind = /** @type {keyof typeof verbs | undefined} */ (known.get(item.id));
      row.querySelector('.art').append(cover(item, catalogue.subjects));
      row.querySelector('.title').textContent = item.name;
      row.querySelector('.meta').textContent = kind ? `You ${verbs[kind]} this` : describe(item);
      row.querySelector('.open').onclick = () => act(item, 'click');
      row.querySelector('.like').onclick = () => act(item, 'like');
      row.querySelector('.like').ariaLabel = `Like ${item.name}`;
      row.querySelector('.like').title = 'Like';
      return row;
    }));
  }

  byId('query').disabled = false;
  byId('query').oninput = showResults;
  byId('query').parentElement.onkeydown = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === 'Escape') {
      byId('query').value = '';
      byId('query').focus();
      showResults();
    }
    const stops = [byId('query'), ...byId('results').querySelectorAll('.open')];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      const at = stops.findIndex((stop) => stop === document.activeElement || stop.parentElement?.contains(document.activeElement) && stop !== stops[0]);
      stops[Math.min(stops.length - 1, Math.max(0, at + step))].focus();
    }
  };

  function showSpeed() {
    const sorted = [...times].sort((a, b) => a - b);
    describeIn('speed', [
      ['Last list', `${times[times.length - 1].toFixed(1)} ms`],
      ['Median', `${sorted[sorted.length >> 1].toFixed(1)} ms of ${times.length}`],
    ]);
  }

  const receipt = await follow();
  addEventListener('storage', () => follow()); // another tab noted or forgot something
  const { privacy } = manifest;
  describeIn('model', [
    ['Channel', [manifest.channel || 'without a name', `version ${manifest.version}`].join(', ')],
    ['Learnt with', manifest.model],
    ['Made', date(manifest.created)],
    ['Good until', date(manifest.expires)],
    ['Signatures', 'Ed25519 and ML-DSA-65'],
    ['Manifest that was signed, SHA-256', receipt.manifest],
  ]);
  describeIn('label', [
    ['People', count.format(privacy.users)],
    ['Their choices', count.format(privacy.events)],
    ['People behind any title', `${count.format(privacy.minItemUsers)} or more`],
    ['Rows left out', count.format(privacy.dropped)],
  ]);
  shutDoor(showAccount);
  document.documentElement.dataset.ready = '';
}

/** @param {import('./sdk/nearside.js').Progress} progress */
function showProgress({ loaded, total }) {
  if (total > 0) Object.assign(byId('loading'), { value: loaded, max: total });
}

/** @param {import('./ledger.js').Account} account */
function showAccount({ shut, before, after, refused }) {
  const since = shut.toLocaleTimeString('en', { hour: '2-digit', minute: '2-digit', hour12: false });
  byId('verdict').textContent = after.length === 0 ? 'Nothing' : 'Something';
  byId('verdict-note').textContent = `${after.length} requests since ${since}, ${refused.length} refused`;
  byId('loaded-total').textContent = `${before.length} files, ${size(before.reduce((sum, { bytes }) => sum + bytes, 0))}`;
  byId('loaded').replaceChildren(...before.map(({ name, bytes }) => {
    const row = document.createElement('li');
    row.append(...[name, size(bytes)].map((text) => Object.assign(document.createElement('span'), { textContent: text })));
    return row;
  }));
}

/** Fills a description list. @param {string} id @param {[string, string][]} rows */
function describeIn(id, rows) {
  byId(id).replaceChildren(...rows.map(([term, detail]) => {
    const group = document.createElement('div');
    group.className = detail.length > 30 ? 'long' : '';
    group.append(...[['dt', term], ['dd', detail]].map(([tag, text]) => Object.assign(document.createElement(tag), { textContent: text })));
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

/** Says why there is no list, instead of the list. @param {any} error */
function fail(error) {
  const code = error instanceof NearsideError ? error.code : 'internal';
  byId('loading').hidden = true;
  byId('list-heading').textContent = 'No list today';
  byId('list-note').textContent = `The model could not be used (${code}): ${error.message}.`;
  if (!('ready' in document.documentElement.dataset)) byId('verdict-note').textContent = 'The page did not get as far as knowing anything.';
}

addEventListener('unhandledrejection', ({ reason }) => fail(reason));
start();
