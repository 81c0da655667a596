// <nearside-why>, why an item stands in a feed: a disclosure, to be put into the
// rows of a <nearside-feed>, or anywhere with for="id of the feed" item="id".
// Words: see strings below; the attribute strings has others as JSON.
// Parts: why, summary, reasons, reason.

import { feedOf, make, shade, speak } from './face.js';

/** @typedef {import('./live.js').Item} Item */

const look = 'summary{opacity:.75;font-size:.875em}li{padding:.25em .6em;margin:.25em 0;font-size:.875em;border-radius:.3em;background:linear-gradient(color-mix(in srgb,var(--nearside-accent,currentColor) 18%,#0000) 0 0)0/var(--n,0) no-repeat #8881}[hidden]{visibility:hidden;display:block}';

const strings = {
  why: 'Why this?',
  view: '{n} % because you looked at {title}',
  click: '{n} % because you opened {title}',
  like: '{n} % because you liked {title}',
  buy: '{n} % because you bought {title}',
  none: 'Many people chose this',
};

class Why extends HTMLElement {
  #end = () => {};
  #say = speak(this, strings);
  #list = make('ul', { part: 'reasons' });
  #summary = make('summary', { part: 'summary' });
  #all = make('details', { part: 'why' }, this.#summary, this.#list);

  constructor() {
    super();
    shade(this, look, this.#all);
  }

  connectedCallback() {
    const feed = feedOf(this);
    const show = () => this.#show(feed.items);
    if (!feed) return;
    feed.addEventListener('nearside-list', show);
    this.#end = () => feed.removeEventListener('nearside-list', show);
    show();
  }

  disconnectedCallback() {
    this.#end();
  }

  /** @param {Item[]} items */
  #show(items) {
    const id = this.getAttribute('item') ?? /** @type {any} */ (this.closest('[data-item]'))?.dataset.item;
    const item = items.find((item) => item.id === id);
    const reasons = item?.reasons?.filter(({ share }) => share > 0) ?? [];
    this.#all.hidden = !item;
    this.#summary.textContent = this.#say('why');
    this.#list.replaceChildren(...reasons.map(({ id, title, kind, share }) => {
      const n = Math.round(100 * share);
      const row = make('li', { part: 'reason' }, this.#say(kind, { n, title: title || id }));
      row.style.setProperty('--n', `${n}%`);
      return row;
    }), ...(reasons.length ? [] : [make('li', { part: 'reason' }, this.#say('none'))]));
  }
}

customElements.define('nearside-why', Why);
