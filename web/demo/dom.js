// Finding and making elements.

/** @param {string} id @returns {any} the element, whatever its kind */
export function byId(id) {
  return document.getElementById(id);
}

/** A copy of a template's one element. @param {string} id @returns {any} */
export function fromTemplate(id) {
  return byId(id).content.firstElementChild.cloneNode(true);
}

/** @param {string} tag @param {string} text */
export function withText(tag, text) {
  return Object.assign(document.createElement(tag), { textContent: text });
}

/**
 * Changes a list's rows and puts the focus back where it was: on the same
 * button, or when its row is gone on the same button of the row that took its
 * place.
 *
 * @param {HTMLElement} list
 * @param {() => void} change
 */
export function keepFocus(list, change) {
  const rows = () => /** @type {HTMLElement[]} */ ([...list.children]).filter((row) => !row.inert);
  const buttons = (/** @type {HTMLElement} */ row) => [...row.querySelectorAll('button')];
  const focused = /** @type {HTMLButtonElement} */ (document.activeElement);
  const place = rows().findIndex((row) => row.contains(focused));
  const button = place < 0 ? -1 : buttons(rows()[place]).indexOf(focused);
  change();
  if (place < 0) return;
  const row = rows().find((row) => row.contains(focused)) ?? rows()[Math.min(place, rows().length - 1)];
  (row ? buttons(row)[button] : list)?.focus({ preventScroll: true });
}
