// Looking around: the most popular titles of one subject at a time.

import { Cards } from './cards.js';
import { byId, withText } from './dom.js';

const shelfLength = 4;
const subjectCount = 12;

export class Shelves {
  /** @type {import('../guest.js').Event[]} */
  #events = [];
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

  /** @param {import('../guest.js').Event[]} events whose items are not shown again */
  show(events) {
    this.#events = events;
    const known = new Set(events.map(({ item }) => item));
    const items = this.#catalogue.items.filter((item) => item.tags.includes(this.#subject) && !known.has(item.id));
    this.#cards.show(items.slice(0, shelfLength).map((item) => ({ item, reasons: [] })));
  }

  /** @param {string} subject */
  #button(subject) {
    const button = /** @type {HTMLButtonElement} */ (withText('button', subject));
    button.type = 'button';
    button.ariaPressed = String(subject === this.#subject);
    button.onclick = () => {
      this.#subject = subject;
      for (const other of byId('subjects').children) other.ariaPressed = String(other === button);
      this.show(this.#events);
    };
    return button;
  }
}
