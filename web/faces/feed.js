// <nearside-feed>, a list that follows the person. What is in it without
// JavaScript stays until there is a list.
//
// Attributes: wasm, root, bundle or channel and name, consent: as open has them;
// k, as many as there are rows when left out; diversity; kind, what following a
// link counts as; href, the address of an item as "/read/{id}", where the
// catalogue has none; live="off", to change the list on the next visit only.
// Properties: nearside, options (of recommend), items. Events: nearside-ready,
// nearside-list, nearside-error, with a detail.
//
// The list is the first ol or ul, its rows have data-item, and a template has
// the row of an item that is not there yet: data-field names what goes where. A
// button with data-kind="like" notes that.

import { Face, make } from './face.js';
import { recommendations } from './live.js';

/** @typedef {import('./live.js').Item} Item */

class Feed extends Face {
  static observedAttributes = ['k', 'diversity'];
  /** What stands in the list. @type {Item[]} */
  items = [];
  /** @type {import('./live.js').Asked} */
  #options = {};
  /** @type {ReturnType<typeof recommendations> | undefined} */
  #list;

  constructor() {
    super();
    for (const type of ['click', 'auxclick']) this.addEventListener(type, (event) => this.#noteClick(/** @type {any} */ (event)));
  }

  /** What recommend is asked besides k and diversity: filter, context, …. */
  get options() {
    return this.#options;
  }

  set options(options) {
    this.#options = options;
    this.attributeChangedCallback();
  }

  attributeChangedCallback() {
    this.#list?.ask(this.#asked());
  }

  connectedCallback() {
    const { source } = this;
    /** @type {any} */
    let known;
    const list = (this.#list = recommendations(source, this.#asked()));
    this.ends = [
      source.subscribe(({ nearside }) => nearside !== known && this.#tell('ready', { nearside: (known = nearside) })),
      list.subscribe(({ items, receipt, error }) => {
        if (error) this.#tell('error', { error });
        else if (receipt && !(this.items.length && this.getAttribute('live') === 'off')) this.#show(items, receipt);
      }),
    ];
  }

  /** Makes the list anew. */
  refresh() {
    return this.#list?.refresh();
  }

  #asked() {
    const number = (/** @type {string} */ name) => (this.hasAttribute(name) ? Number(this.getAttribute(name)) : undefined);
    return { k: number('k') ?? (this.querySelectorAll('[data-item]').length || 10), diversity: number('diversity'), ...this.#options };
  }

  /** @param {Item[]} items @param {any} receipt */
  #show(items, receipt) {
    const list = /** @type {HTMLElement} */ (this.querySelector('ol,ul') ?? this.appendChild(make('ol')));
    const old = /** @type {HTMLElement[]} */ ([...list.children]);
    const rows = items.map((item) => old.find(({ dataset }) => dataset.item === item.id) ?? this.#row(item));
    const focused = /** @type {any} */ (document.activeElement);
    const place = old.findIndex((row) => row.contains(focused));
    // The first list must not move what is below, and comes by itself.
    list.style.minHeight = this.items.length ? '' : `${list.offsetHeight}px`;
    this.items = items;
    // All of them: a row that is only pushed aside is a layout shift.
    if (rows.length !== old.length || rows.some((row, i) => row !== old[i])) list.replaceChildren(...rows);
    if (place >= 0) (focused.isConnected ? focused : /** @type {any} */ (rows[Math.min(place, rows.length - 1)]?.querySelector('a,button')))?.focus({ preventScroll: true });
    this.#tell('list', { items, receipt });
  }

  /** @param {Item} item @returns {HTMLElement} */
  #row(item) {
    const model = this.querySelector('template')?.content.firstElementChild;
    /** @type {any} */
    const row = model ? document.importNode(model, true) : make('li', {}, make('a'));
    if (!model) row.firstElementChild.dataset.field = 'url title';
    const url = this.getAttribute('href')?.replace('{id}', encodeURIComponent(item.id)) ?? item.url;
    const fields = /** @type {any} */ ({ ...item, url, tags: item.tags?.join(', ') });
    row.dataset.item = item.id;
    for (const node of row.querySelectorAll('[data-field]')) {
      for (const field of node.dataset.field.split(' ')) {
        const to = field === 'url' ? 'href' : field === 'image' ? 'src' : 'textContent';
        if (fields[field]) node[to] = fields[field];
      }
      if (node.href && !/^https?:/.test(node.href)) node.removeAttribute('href'); // a catalogue must not run code
    }
    return row;
  }

  /** @param {string} name @param {object} detail */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(`nearside-${name}`, { bubbles: true, detail }));
  }

  /** @param {MouseEvent} event */
  #noteClick({ target, button }) {
    const on = /** @type {any} */ (target).closest('a,[data-kind]');
    const row = on?.closest('[data-item]');
    if (row && button < 2) this.#list?.observe({ item: row.dataset.item, kind: on.dataset.kind ?? this.getAttribute('kind') ?? 'click' });
  }
}

customElements.define('nearside-feed', Feed);
