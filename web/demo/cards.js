// A list of cards that follows its data: cards keep their nodes, move to their
// new places, and what is new fades in.

import { splitTitle } from './catalogue.js';
import { cover } from './cover.js';
import { fromTemplate, keepFocus, withText } from './dom.js';

/**
 * @typedef {import('./catalogue.js').Item} Item
 * @typedef {import('../nearside.js').Reason} Reason
 *
 * @typedef {object} Entry
 * @property {Item} item
 * @property {Reason[]} reasons
 *
 * @typedef {(item: Item, what: 'click' | 'like' | 'hide' | 'mute') => void} Act what: a kind of
 *   event, or no more of the item's subject
 */

const duration = 460;
const easing = 'cubic-bezier(0.22, 0.8, 0.24, 1)';

/** What a person did, as the page says it. */
export const verbs = { view: 'saw', click: 'opened', like: 'liked', buy: 'bought', hide: 'hid' };

export class Cards {
  /** @type {Map<string, HTMLElement>} */
  #cards = new Map();
  #list;
  #subjects;
  #act;

  /**
   * @param {HTMLElement} list
   * @param {string[]} subjects the catalogue's
   * @param {Act} act
   */
  constructor(list, subjects, act) {
    this.#list = list;
    this.#subjects = subjects;
    this.#act = act;
  }

  /**
   * @param {Entry[]} entries in order
   * @param {{lead?: boolean}} [options] lead: the first card is shown large
   */
  show(entries, { lead = false } = {}) {
    const before = new Map([...this.#cards].map(([id, card]) => [id, card.getBoundingClientRect()]));
    keepFocus(this.#list, () => {
      this.#list.querySelectorAll('.skeleton').forEach((card) => card.remove());
      const shown = new Map(entries.map((entry) => [entry.item.id, this.#card(entry)]));
      for (const [id, card] of this.#cards) if (!shown.has(id)) this.#leave(card, /** @type {DOMRect} */ (before.get(id)));
      this.#cards = shown;
      [...shown.values()].forEach((card, i) => {
        card.classList.toggle('lead', lead && i === 0);
        if (this.#list.children[i] !== card) this.#list.insertBefore(card, this.#list.children[i] ?? null);
      });
    });
    this.#move(before);
  }

  /** The card of an item, made when there is none. @param {Entry} entry */
  #card({ item, reasons }) {
    const card = this.#cards.get(item.id) ?? this.#make(item);
    card.querySelector('.reasons')?.replaceChildren(...explanation(item, reasons));
    return card;
  }

  /** @param {Item} item */
  #make(item) {
    const card = fromTemplate('card');
    const part = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (card.querySelector(selector));
    part('h3').textContent = item.name;
    part('.meta').textContent = describe(item);
    part('.art').append(cover(item, this.#subjects));
    for (const [name, what, label] of /** @type {const} */ ([['open', 'click', 'Open'], ['like', 'like', 'Like'], ['hide', 'hide', 'Hide']])) {
      part(`.${name}`).ariaLabel = `${label} ${item.name}`;
      part(`.${name}`).title = label;
      part(`.${name}`).onclick = () => this.#act(item, what);
    }
    const mute = part('.mute');
    mute.hidden = item.subject === '';
    mute.title = mute.ariaLabel = `Mute ${item.subject}`;
    part('.mute span').textContent = mute.title;
    mute.onclick = () => this.#act(item, 'mute');
    const ask = part('.ask');
    ask.ariaLabel = `Why this: ${item.name}`;
    const toggle = (/** @type {boolean} */ on) => {
      card.classList.toggle('asked', on);
      ask.ariaExpanded = String(on);
    };
    ask.onclick = () => toggle(!card.classList.contains('asked'));
    card.onkeydown = (/** @type {KeyboardEvent} */ { key }) => {
      if (key === 'Escape') toggle(false); // what a handler returns matters: false would hold Tab back
    };
    return card;
  }

  /** Takes a card out of the flow where it stands, and then away. @param {HTMLElement} card @param {DOMRect} from */
  #leave(card, from) {
    const { left, top } = this.#list.getBoundingClientRect();
    card.inert = true;
    card.classList.add('leaving');
    Object.assign(card.style, { left: `${from.left - left}px`, top: `${from.top - top}px`, width: `${from.width}px` });
    this.#list.append(card);
    card.animate({ opacity: 0, transform: 'scale(0.94)' }, { duration: still() ? 0 : duration / 2, easing }).onfinish = () => card.remove();
  }

  /** First, last, invert, play. @param {Map<string, DOMRect>} before */
  #move(before) {
    if (still()) return;
    let fresh = 0;
    for (const [id, card] of this.#cards) {
      const from = before.get(id);
      if (!from) {
        const frames = { opacity: [0, 1], transform: ['translateY(14px)', 'none'] };
        card.animate(frames, { duration, easing, delay: 35 * fresh++, fill: 'backwards' });
        continue;
      }
      const to = card.getBoundingClientRect();
      const [x, y] = [from.left - to.left, from.top - to.top];
      if (x !== 0 || y !== 0) card.animate({ transform: [`translate(${x}px, ${y}px)`, 'none'] }, { duration, easing });
    }
  }
}

/**
 * The reasons as rows with a bar each. What speaks against an item is left out:
 * the question is why it is here.
 *
 * @param {Item} item
 * @param {Reason[]} reasons
 */
function explanation(item, reasons) {
  const rows = reasons.filter(({ share }) => share >= 0.005).map(({ id, title, kind, share }) => {
    const row = fromTemplate('reason');
    row.querySelector('.cause').append(`You ${verbs[/** @type {keyof typeof verbs} */ (kind)]} `, withText('cite', splitTitle(title || id).name));
    row.querySelector('.share').textContent = `${Math.round(100 * share)} %`;
    row.querySelector('.bar span').style.width = `${100 * share}%`;
    return row;
  });
  if (rows.length > 0) return rows;
  const row = fromTemplate('reason');
  row.classList.add('plain');
  row.querySelector('.cause').textContent = `${item.popularity.toLocaleString('en')} people chose it. Nothing you did speaks for it.`;
  return [row];
}

/** The line below a title. @param {Item} item */
export function describe({ date, author, tags, subject }) {
  return [date, author, author ? subject : tags.slice(0, 3).join(', ')].filter(Boolean).join(' · ');
}

/** Whether the person asked their system for less movement. */
function still() {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}
