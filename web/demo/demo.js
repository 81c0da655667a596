// The demo page: a front page over any catalogue, which follows the person's
// taste without telling anybody.

import { NearsideError, open } from './sdk/nearside.js';
import { Cards, verbs } from './cards.js';
import { readCatalogue } from './catalogue.js';
import { byId } from './dom.js';
import { shutDoor } from './ledger.js';
import { showAccount, showLabel, showModel, showSpeed } from './panels.js';
import { Search } from './search.js';
import { Shelves } from './shelves.js';
import { showTaste } from './taste.js';

/** @typedef {import('./catalogue.js').Item} Item */

// One leads and eight follow, in rows of four or two. A cold list has no leader.
const listLength = 9;

async function start() {
  const nearside = await open({
    wasm: new URL('nearside.wasm', document.baseURI),
    bundle: new URL('bundle.nsb', document.baseURI),
    root: new URL('root.nsr', document.baseURI),
    onProgress: showProgress,
  });
  const catalogue = await readCatalogue(nearside);
  const manifest = nearside.manifest();

  const act = (/** @type {Item} */ item, /** @type {'click' | 'like' | 'hide'} */ kind) => {
    nearside.observe({ item: item.id, kind });
    return follow(`You ${verbs[kind]} ${item.name}.`);
  };
  const change = async (/** @type {string} */ news, /** @type {(profile: typeof nearside.profile) => any} */ work) => {
    await work(nearside.profile);
    return follow(news);
  };
  const list = new Cards(byId('list'), catalogue.subjects, act);
  const shelves = new Shelves(catalogue, act);
  const search = new Search(catalogue, act);
  /** @type {number[]} */
  const times = [];

  /** Brings the page into step with the history. @param {string} [news] what is read out first */
  async function follow(news) {
    const began = performance.now();
    const { items, receipt } = await nearside.recommend({ k: Math.min(listLength, manifest.limits.k) });
    times.push(performance.now() - began);
    const entries = items
      .slice(0, receipt.cold ? listLength - 1 : listLength)
      .map(({ id, reasons }) => ({ item: /** @type {Item} */ (catalogue.byId.get(id)), reasons }));
    const view = await nearside.profile.view();
    showHeading(receipt);
    list.show(entries, { lead: !receipt.cold });
    shelves.show(view.events);
    search.show(view.events);
    showTaste(view, change);
    showSpeed(times);
    if (news) byId('status').textContent = `${news} The list changed; it now begins with ${entries[0]?.item.name ?? 'nothing'}.`;
    return receipt;
  }

  const receipt = await follow();
  showModel(manifest, receipt, 'on their way');
  showLabel(manifest.privacy);
  nearside.profile.addEventListener('change', () => follow()); // another tab noted or forgot something
  try {
    await nearside.completed;
    showModel(manifest, receipt);
    if (manifest.earlyAnswers > 0) await follow(); // the codes' list may have been another one
  } catch (error) {
    showModel(manifest, receipt, `refused: ${/** @type {NearsideError} */ (error).code}`);
  }
  shutDoor(showAccount);
  document.documentElement.dataset.ready = '';
}

/** @param {import('../nearside.js').Progress} progress */
function showProgress({ loaded, total }) {
  if (total > 0) Object.assign(byId('loading'), { value: loaded, max: total });
}

/** @param {import('../guest.js').Receipt} receipt */
function showHeading({ cold, ranked, used }) {
  byId('loading').hidden = true;
  byId('list-heading').textContent = cold ? 'Start here' : 'For you';
  byId('list-note').textContent = cold
    ? 'What most people chose. Open, like or hide something, and this page follows.'
    : `Chosen on this device from ${ranked.toLocaleString('en')} titles, by ${used === 1 ? 'the one thing' : `the ${used} things`} it knows of you.`;
}

/** Says why there is no list, in the list's place. @param {any} error */
function fail(error) {
  const code = error instanceof NearsideError ? error.code : 'internal';
  byId('loading').hidden = true;
  byId('list-heading').textContent = 'No list today';
  byId('list-note').textContent = `The model could not be used (${code}): ${error.message}.`;
  if (!('ready' in document.documentElement.dataset)) byId('verdict-note').textContent = 'The page did not get as far as knowing anything.';
}

addEventListener('unhandledrejection', ({ reason }) => fail(reason));
start();
