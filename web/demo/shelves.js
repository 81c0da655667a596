// Looking around: the most popular titles of one subject at a time.

import { Cards } from './cards.js';
import { byId, withText } from './dom.js';

const shelfLength = 4;
const subjectCount = 12;

export class Shelves {
  /** @type {import('../guest.js').Event[]} */
  #events = [];
  /** @type {string[]} */
  #muted = [];
  #catalogue;
  #cards;
  #subject;

  /**
   * @param {import('./catalogue.js').Catalogue} catalogue
   * @param {import('./cards.js').Act} act
   */
  constructor(catalogue, act) {
    this.#catalogue = catalogue;
    this.#cards = new Cards(byId('shelf'), catalogue.subjects, act);
    this.#subject = catalogue.subjects[0];
    byId('shelves').hidden = catalogue.subjects.length === 0;
    byId('subjects').append(...catalogue.subjects.slice(0, subjectCount).map((subject) => this.#button(subject)));
  }

  /** @param {import('../guest.js').Event[]} events whose items are not shown again @param {string[]} muted tags of what is left out */
  show(events, muted) {
    this.#events = events;
    this.#muted = muted;
    const subjects = this.#catalogue.subjects;
    if (muted.includes(this.#subject)) this.#subject = subjects.find((subject) => !muted.includes(subject)) ?? '';
    for (const [i, button] of [.../** @type {any} */ (byId('subjects').children)].entries()) {
      button.hidden = muted.includes(subjects[i]);
      button.ariaPressed = String(subjects[i] === this.#subject);
    }
    const known = new Set(events.map(({ item }) => item));
    const items = this.#catalogue.popular(shelfLength, ({ id, tags }) => tags.includes(this.#subject) && !known.has(id) && !tags.some((tag) => muted.includes(tag)));
    this.#cards.show(items.map((item) => ({ item, reasons: [] })));
  }

  /** @param {string} subject */
  #button(subject) {
    const button = /** @type {HTMLButtonElement} */ (withText('button', subject));
    button.type = 'button';
    button.onclick = () => {
      this.#subject = subject;
      this.show(this.#events, this.#muted);
    };
    return button;
  }
}
