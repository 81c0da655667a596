// The whole catalogue in the person's order, as one list to scroll. Only the rows
// on the screen exist, so ten thousand items cost what forty do. The order comes
// page by page, as far as somebody looks.

import { describe, verbs } from './cards.js';
import { cover } from './cover.js';
import { byId, fromTemplate } from './dom.js';

/**
 * @typedef {import('./catalogue.js').Item} Item
 * @typedef {Awaited<ReturnType<typeof import('../nearside.js').open>>} Nearside
 */

const rowHeight = 76; // px, as style.css has it
const pageLength = 200;
const spareRows = 6; // made above and below the screen
const drawingTime = 4; // ms of a frame that covers may take

export class Endless {
  #nearside;
  #catalogue;
  #act;
  #list = byId('all-list');
  /** @type {string[]} ids, best first, as far as they are known */
  #order = [];
  #total = 0;
  /** @type {AsyncGenerator<import('../nearside.js').Recommendations> | undefined} */
  #pages;
  #pulling = false;
  /** @type {Map<number, HTMLElement>} rows that exist, by place */
  #rows = new Map();
  /** @type {Map<HTMLElement, Item>} rows whose cover is not drawn */
  #undrawn = new Map();
  /** The one row that Tab stops at. */
  #current = 0;
  #columns = 1;
  #top = 0;
  #onScreen = false;
  #planned = false;
  /** @type {string[]} */
  #muted = [];
  /** @type {Map<string, string>} kinds of what the person did, by item */
  #known = new Map();

  /**
   * @param {Nearside} nearside
   * @param {import('./catalogue.js').Catalogue} catalogue
   * @param {import('./cards.js').Act} act
   */
  constructor(nearside, catalogue, act) {
    this.#nearside = nearside;
    this.#catalogue = catalogue;
    this.#act = act;
    addEventListener('scroll', () => this.#plan(), { passive: true });
    new ResizeObserver(() => requestAnimationFrame(() => this.#measure())).observe(document.body);
    new IntersectionObserver(([{ isIntersecting }]) => {
      this.#onScreen = isIntersecting;
      this.#plan();
    }, { rootMargin: '200px' }).observe(this.#list);
    this.#list.onkeydown = (/** @type {KeyboardEvent} */ event) => this.#key(event);
    this.#list.onfocusin = (/** @type {FocusEvent} */ { target }) => this.#focused(/** @type {HTMLElement} */ (target));
    byId('all').hidden = false;
  }

  /**
   * Brings the list into step with the history. Under somebody's eyes it keeps
   * its order, and goes on in the new one; what is muted goes at once.
   *
   * @param {import('../guest.js').Event[]} events
   * @param {string[]} muted
   */
  show(events, muted) {
    const same = muted.length === this.#muted.length && muted.every((tag) => this.#muted.includes(tag));
    this.#muted = muted;
    this.#known = new Map(events.map(({ item, kind }) => [item, kind]));
    if (!this.#pages || !same || !this.#onScreen) this.#restart();
    for (const [place, row] of this.#rows) this.#describe(row, place);
  }

  #restart() {
    this.#pages = this.#nearside.pages({ k: Math.min(pageLength, this.#nearside.manifest().limits.k), reasons: 0, filter: { noTags: this.#muted } });
    this.#order = [];
    this.#total = this.#catalogue.without(this.#muted);
    for (const row of this.#rows.values()) row.remove();
    this.#rows.clear();
    this.#undrawn.clear();
    this.#measure();
  }

  /** Takes the list's measures; nothing else reads the layout. */
  #measure() {
    const width = this.#list.clientWidth;
    this.#columns = width > 900 ? 3 : width > 560 ? 2 : 1;
    this.#top = this.#list.getBoundingClientRect().top + scrollY;
    this.#list.style.height = `${Math.ceil(this.#total / this.#columns) * rowHeight}px`;
    byId('all-note').textContent = `${this.#total.toLocaleString('en')} titles, each in the place that your taste gives it.`;
    for (const [place, row] of this.#rows) this.#place(row, place);
    this.#plan();
  }

  /** One look a frame is enough. */
  #plan() {
    if (this.#planned) return;
    this.#planned = true;
    requestAnimationFrame(() => {
      this.#planned = false;
      this.#look();
    });
  }

  /** Makes the rows that are on the screen, and removes the others. */
  #look() {
    if (!this.#onScreen) return;
    const first = Math.max(0, Math.floor((scrollY - this.#top) / rowHeight) - spareRows) * this.#columns;
    const end = Math.min(this.#total, (Math.ceil((scrollY + innerHeight - this.#top) / rowHeight) + spareRows) * this.#columns);
    for (const [place, row] of this.#rows) {
      if ((place >= first && place < end) || row.contains(document.activeElement)) continue;
      row.remove();
      this.#rows.delete(place);
      this.#undrawn.delete(row);
    }
    /** @type {HTMLElement | null} */
    let next = [...this.#rows].find(([place]) => place >= end)?.[1] ?? null; // it has the focus
    for (let place = end - 1; place >= first; place--) {
      const row = this.#rows.get(place) ?? this.#make(place);
      if (!row.isConnected) this.#list.insertBefore(row, next);
      next = row;
    }
    if (first < end && !this.#rows.has(this.#current)) this.#choose(Math.min(first + spareRows * this.#columns, end - 1));
    if (this.#undrawn.size > 0) this.#draw();
    if (end > this.#order.length) this.#pull(end);
  }

  /** @param {number} place @returns {HTMLElement} */
  #make(place) {
    const row = fromTemplate('row');
    row.setAttribute('aria-posinset', String(place + 1));
    row.setAttribute('aria-setsize', String(this.#total));
    row.querySelector('.rank').textContent = (place + 1).toLocaleString('en');
    for (const button of row.querySelectorAll('button')) button.tabIndex = place === this.#current ? 0 : -1;
    this.#rows.set(place, row);
    this.#place(row, place);
    this.#fill(row, place);
    return row;
  }

  /** @param {HTMLElement} row @param {number} place */
  #place(row, place) {
    const column = place % this.#columns;
    row.style.width = `${100 / this.#columns}%`;
    row.style.transform = `translate(${100 * column}%, ${Math.floor(place / this.#columns) * rowHeight}px)`;
  }

  /** Says what the row is, when that is known. @param {any} row @param {number} place */
  #fill(row, place) {
    const id = this.#order[place];
    row.classList.toggle('blank', !id);
    row.querySelector('.open').ariaLabel = id ? null : 'On its way';
    if (!id) return;
    const item = this.#catalogue.item(id);
    row.querySelector('.title').textContent = item.name;
    row.querySelector('.open').onclick = () => this.#act(item, 'click');
    row.querySelector('.like').onclick = () => this.#act(item, 'like');
    row.querySelector('.like').ariaLabel = `Like ${item.name}`;
    row.querySelector('.like').title = 'Like';
    this.#describe(row, place);
    this.#undrawn.set(row, item);
  }

  /** @param {any} row @param {number} place */
  #describe(row, place) {
    const id = this.#order[place];
    if (!id) return;
    const kind = this.#known.get(id);
    row.querySelector('.meta').textContent = kind ? `You ${verbs[/** @type {keyof typeof verbs} */ (kind)]} this` : describe(this.#catalogue.item(id));
  }

  /** Draws covers for a part of a frame; the rest is for the next ones. */
  #draw() {
    const end = performance.now() + drawingTime;
    for (const [row, item] of this.#undrawn) {
      if (performance.now() > end) return this.#plan();
      row.querySelector('.art')?.replaceChildren(cover(item, this.#catalogue.subjects, { small: true }));
      this.#undrawn.delete(row);
    }
  }

  /** Asks for pages until so many places are known. @param {number} places */
  async #pull(places) {
    if (this.#pulling) return;
    this.#pulling = true;
    const pages = this.#pages;
    try {
      const { done, value } = await /** @type {NonNullable<typeof pages>} */ (pages).next();
      if (pages !== this.#pages) return; // the order is another by now
      if (done) this.#total = this.#order.length; // what was seen or hidden is missing
      else this.#order.push(...value.items.map(({ id }) => id));
      for (const [place, row] of this.#rows) {
        if (place >= this.#total) {
          row.remove();
          this.#rows.delete(place);
        } else if (row.classList.contains('blank')) this.#fill(row, place);
      }
      if (done) this.#measure();
    } finally {
      this.#pulling = false;
      this.#plan();
    }
  }

  /** @param {HTMLElement} target that got the focus */
  #focused(target) {
    for (const [place, row] of this.#rows) if (row.contains(target)) this.#choose(place);
  }

  /** The row that Tab stops at. @param {number} place */
  #choose(place) {
    for (const [at, tabIndex] of [[this.#current, -1], [place, 0]]) {
      for (const button of this.#rows.get(at)?.querySelectorAll('button') ?? []) button.tabIndex = tabIndex;
    }
    this.#current = place;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const screen = Math.max(1, Math.floor(innerHeight / rowHeight) - 1) * this.#columns;
    const steps = { ArrowDown: this.#columns, ArrowUp: -this.#columns, ArrowRight: 1, ArrowLeft: -1, PageDown: screen, PageUp: -screen, Home: -Infinity, End: Infinity };
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const place = Math.max(0, Math.min(this.#total - 1, this.#current + step));
    const top = this.#top + Math.floor(place / this.#columns) * rowHeight;
    if (top < scrollY + 20) scrollTo({ top: top - 20, behavior: 'instant' });
    else if (top + rowHeight > scrollY + innerHeight - 20) scrollTo({ top: top + rowHeight + 20 - innerHeight, behavior: 'instant' });
    this.#look();
    this.#choose(place);
    this.#rows.get(place)?.querySelector('button')?.focus({ preventScroll: true });
    this.#look(); // the row that had the focus may go now
  }
}
