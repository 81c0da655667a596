// The search box and what it finds. Nothing is asked of a server: the catalogue
// came with the model.

import { describe, verbs } from './cards.js';
import { cover } from './cover.js';
import { byId, fromTemplate, keepFocus } from './dom.js';

/** @typedef {import('./catalogue.js').Item} Item */

const resultLength = 7;

export class Search {
  /** @type {import('../guest.js').Event[]} */
  #events = [];
  /** @type {string[]} */
  #muted = [];
  #catalogue;
  #act;

  /**
   * @param {import('./catalogue.js').Catalogue} catalogue
   * @param {import('./cards.js').Act} act
   */
  constructor(catalogue, act) {
    this.#catalogue = catalogue;
    this.#act = act;
    byId('query').disabled = false;
    byId('query').oninput = () => this.show(this.#events, this.#muted);
    byId('search').onkeydown = (/** @type {KeyboardEvent} */ event) => this.#key(event);
  }

  /** @param {import('../guest.js').Event[]} events that results tell of @param {string[]} muted tags of what is left out */
  show(events, muted) {
    this.#events = events;
    this.#muted = muted;
    const query = byId('query').value.trim();
    const found = this.#catalogue.search(query, muted);
    byId('results').hidden = query === '';
    byId('found').textContent = found.length === 1 ? 'One title' : `${found.length.toLocaleString('en')} titles`;
    const known = new Map(events.map(({ item, kind }) => [item, kind]));
    const rows = found.slice(0, resultLength).map(({ id }) => this.#row(this.#catalogue.item(id), known.get(id)));
    keepFocus(byId('found-list'), () => byId('found-list').replaceChildren(...rows));
  }

  /** @param {Item} item @param {string} [kind] what the person last did with it */
  #row(item, kind) {
    const row = fromTemplate('result');
    row.querySelector('.art').append(cover(item, this.#catalogue.subjects, { small: true }));
    row.querySelector('.title').textContent = item.name;
    row.querySelector('.meta').textContent = kind ? `You ${verbs[/** @type {keyof typeof verbs} */ (kind)]} this` : describe(item);
    row.querySelector('.open').onclick = () => this.#act(item, 'click');
    const like = row.querySelector('.like');
    like.onclick = () => this.#act(item, 'like');
    like.ariaLabel = `Like ${item.name}`;
    like.title = 'Like';
    return row;
  }

  /** Arrows walk through the results, Escape leaves them. @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === 'Escape') {
      byId('query').value = '';
      byId('query').focus();
      this.show(this.#events, this.#muted);
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const rows = [...byId('found-list').children];
    const place = rows.findIndex((row) => row.contains(document.activeElement)) + step;
    (place < 0 ? byId('query') : rows[Math.min(place, rows.length - 1)]?.querySelector('button'))?.focus();
  }
}
