// The demo page: a front page over any catalogue, which follows the person's
// taste without telling anybody.

import { NearsideError, open } from './sdk/nearside.js';
import { Cards, verbs } from './cards.js';
import { readCatalogue } from './catalogue.js';
import { byId } from './dom.js';
import { Endless } from './endless.js';
import { readKeys, sha256 } from './keys.js';
import { Ledger, loadedFrom } from './ledger.js';
import { showAccount, showKept, showKeys, showLabel, showMemory, showModel, showModule, showRequest, showSpeed } from './panels.js';
import { Search } from './search.js';
import { Shelves } from './shelves.js';
import { showTaste } from './taste.js';
import { scriptAddress } from './trust.js';
import { Watch } from './watch.js';

/**
 * @typedef {import('./catalogue.js').Item} Item
 * @typedef {import('../profile.js').Profile} Profile
 */

// One leads and eight follow, in rows of four or two. A cold list has no leader.
const listLength = 9;

/** As many as a request takes. */
const mutedMost = 64;

async function start() {
  const ledger = new Ledger(showRequest, showAccount);
  const watch = await Watch.begin((report) => ledger.note(report));
  ledger.time();
  // It has to be there before the door is shut: afterwards no worker can be started.
  const leaker = new Worker(scriptAddress('leak.js'));
  leaker.onmessage = ({ data }) => ledger.refuse('worker', 'leak', data);

  const address = (/** @type {string} */ path) => new URL(path, document.baseURI);
  const root = await fetch(address('root.nsr'), { credentials: 'omit' })
    .then((response) => (response.ok ? response.arrayBuffer() : null))
    .catch(() => null); // the SDK is better at saying why
  const nearside = await open({ wasm: address('nearside.wasm'), bundle: address('bundle.nsb'), root: root ?? address('root.nsr'), onProgress: showProgress });
  const catalogue = await readCatalogue(nearside);
  const manifest = nearside.manifest();

  const act = (/** @type {Item} */ item, /** @type {'click' | 'like' | 'hide' | 'mute'} */ what) => {
    if (what === 'mute') return change(`${item.subject} is muted.`, (profile) => profile.edit({ off: [item.subject] }), (profile) => profile.edit({ on: [item.subject] }));
    nearside.observe({ item: item.id, kind: what });
    return follow(`You ${verbs[what]} ${item.name}.`, what === 'hide' ? (profile) => unhide(profile, item.id) : undefined);
  };
  /** @param {string} news @param {(profile: Profile) => any} work @param {(profile: Profile) => any} [undo] */
  const change = async (news, work, undo) => {
    await work(nearside.profile);
    return follow(news, undo);
  };
  const list = new Cards(byId('list'), catalogue.subjects, act);
  const shelves = new Shelves(catalogue, act);
  const search = new Search(catalogue, act);
  const endless = new Endless(nearside, catalogue, act);
  /** @type {number[]} */
  const times = [];
  let turns = 0;

  /**
   * Brings the page into step with the history.
   *
   * @param {string} [news] what is read out first
   * @param {(profile: Profile) => any} [undo] takes it back
   */
  async function follow(news, undo) {
    const turn = ++turns;
    const view = await nearside.profile.view();
    const muted = view.interests.filter(({ off }) => off).map(({ tag }) => tag).slice(0, mutedMost);
    const began = performance.now();
    const { items, receipt } = await nearside.recommend({
      k: Math.min(listLength, manifest.limits.k),
      diversity: byId('variety').valueAsNumber / 100,
      filter: { noTags: muted },
    });
    times.push(performance.now() - began);
    if (turn !== turns) return receipt; // the next one is under way
    const entries = items.slice(0, receipt.cold ? listLength - 1 : listLength).map(({ id, reasons }) => ({ item: catalogue.item(id), reasons }));
    showHeading(receipt, entries.length);
    list.show(entries, { lead: !receipt.cold });
    if (turn === 1) await breath(); // nobody has done anything yet that the rest must keep up with
    shelves.show(view.events, muted);
    search.show(view.events, muted);
    if (turn === 1) await breath();
    showTaste(view, change);
    showSpeed(times);
    endless.show(view.events, muted);
    showNews(news, undo && (() => change(`Taken back: ${news}`, undo)));
    if (news) byId('status').textContent = `${news} The list changed; it now begins with ${entries[0]?.item.name ?? 'nothing'}.${undo ? ' Undo stands before it.' : ''}`;
    return receipt;
  }

  showVariety(() => follow(`Variety is ${byId('variety').value} %.`));
  const receipt = await follow();
  openPanels();
  showModel(manifest, receipt, 'on their way');
  showLabel(manifest.privacy);
  showKeys(root && (await readKeys(root)));
  nearside.profile.addEventListener('change', () => follow()); // another tab noted or forgot something
  try {
    await nearside.completed;
    showModel(manifest, receipt);
    if (manifest.earlyAnswers > 0) await follow(); // the codes' list may have been another one
  } catch (error) {
    showModel(manifest, receipt, `refused: ${/** @type {NearsideError} */ (error).code}`);
  }
  showKept(watch, await watch.complete(loadedFrom()));
  await inspectModule(address('nearside.wasm'));
  ledger.shut();
  letLeak(leaker);
  letSwitch(watch);
  showMemory();
  document.documentElement.dataset.ready = '';
}

/** Hashes the copy that is kept, without asking for another. @param {URL} url */
async function inspectModule(url) {
  const copy = await globalThis.caches?.match(url).catch(() => undefined);
  const bytes = await copy?.arrayBuffer();
  showModule(bytes ? { bytes: bytes.byteLength, hash: await sha256(bytes) } : null);
}

/** Lets the browser draw what there is so far. */
function breath() {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Removes what hid an item. @param {Profile} profile @param {string} id */
async function unhide(profile, id) {
  const hidden = (await profile.view()).events.findLast(({ item, kind }) => item === id && kind === 'hide');
  if (hidden) profile.edit({ remove: [hidden.id] });
}

/** Panels are shut where they would stand in the way. */
function openPanels() {
  const wide = matchMedia('(min-width: 621px)').matches;
  for (const panel of document.querySelectorAll('details.panel')) /** @type {HTMLDetailsElement} */ (panel).open = wide && panel.id !== 'inspector';
  document.documentElement.dataset.list = '';
}

/** @param {any} progress */
function showProgress({ loaded, total }) {
  if (total > 0) Object.assign(byId('loading'), { value: loaded, max: total });
}

/** @param {import('../guest.js').Receipt} receipt @param {number} shown */
function showHeading({ cold, ranked, used }, shown) {
  byId('list-heading').textContent = cold ? 'Start here' : 'For you';
  if (shown === 0) byId('list-note').textContent = 'Nothing is left: all of it is muted, hidden or seen.';
  else if (cold) byId('list-note').textContent = 'What most people chose. Open, like or hide something, and this page follows.';
  else byId('list-note').textContent = `Chosen on this device from ${ranked.toLocaleString('en')} titles, by ${used === 1 ? 'the one thing' : `the ${used} things`} it knows of you.`;
}

/** What happened, when it can be taken back. @param {string} [news] @param {() => void} [undo] */
function showNews(news = '', undo) {
  byId('news').hidden = !undo;
  byId('news-text').textContent = news;
  byId('undo').onclick = () => {
    byId('list').focus({ preventScroll: true }); // the button itself goes
    undo?.();
  };
}

/** The slider is remembered for the visit. @param {() => void} changed */
function showVariety(changed) {
  const key = 'nearside-demo-variety';
  const slider = byId('variety');
  const say = () => (byId('variety-value').textContent = slider.ariaValueText = `${slider.value} %`);
  slider.value = sessionStorage.getItem(key) ?? '0';
  slider.disabled = false;
  slider.oninput = () => {
    say();
    sessionStorage.setItem(key, slider.value);
    changed();
  };
  say();
}

/**
 * Three ways of the page and one of a worker. What they carry is made up: on a
 * host that does not send the workers' policy the last one would get through.
 *
 * @param {Worker} leaker
 */
function letLeak(leaker) {
  byId('leak').disabled = false;
  byId('leak').onclick = () => {
    const loot = 'What somebody liked would stand here.';
    fetch('leak', { method: 'POST', body: loot }).catch(() => {});
    navigator.sendBeacon('leak', loot);
    new Image().src = 'leak.png';
    leaker.postMessage(loot);
    byId('status').textContent = 'The page and a worker tried to send something. The list of requests says what came of it.';
  };
}

/** @param {Watch} watch */
function letSwitch(watch) {
  byId('offline').onchange = async () => {
    const off = byId('offline').checked;
    await watch.switch(off);
    byId('mode').hidden = !off;
    byId('status').textContent = off ? 'The network is off for this page. Load it again and see.' : 'The network is on again.';
  };
  byId('reload').onclick = () => location.reload();
  byId('remove').onclick = async () => {
    await watch.remove();
    showKept(Object.assign(watch, { complaint: 'What was kept is removed.', offline: false }), null);
    byId('kept-note').parentElement.focus();
  };
}

/** Says why there is no list, in the list's place. @param {any} error */
function fail(error) {
  const code = error instanceof NearsideError ? error.code : 'internal';
  document.documentElement.dataset.list = '';
  byId('list').querySelectorAll('.skeleton').forEach((/** @type {Element} */ card) => card.remove());
  byId('list-heading').textContent = 'No list today';
  byId('list-note').textContent = `The model could not be used (${code}): ${error.message}.`;
  if (!('ready' in document.documentElement.dataset)) byId('verdict-note').textContent = 'The page did not get as far as knowing anything.';
}

addEventListener('unhandledrejection', ({ reason }) => fail(reason));
start();
