// What the elements have in common: where their model comes from, words that can
// be changed, and a look made of the page's own colours.

import { recommender, store } from './live.js';

/**
 * @typedef {import('./live.js').Nearside} Nearside
 * @typedef {import('./live.js').Recommender} Recommender
 * @typedef {import('./live.js').Store<Recommender>} Source
 */

/** What elements with the same attributes open together, by these. @type {Map<string, Source>} */
const opened = new Map();

/** An element that has a model: its feed's, or what the attributes say, or where they say nothing the page's own. */
export class Face extends HTMLElement {
  /** What the page has set. */
  #own = store(/** @type {Recommender} */ ({ status: 'opening' }), () => () => {});
  /** What ends what connectedCallback has begun. @type {(() => void)[]} */
  ends = [];

  /** @returns {Nearside | undefined} */
  get nearside() {
    return this.source.get().nearside;
  }

  set nearside(nearside) {
    this.#own.set({ status: 'ready', nearside });
  }

  connectedCallback() {}

  disconnectedCallback() {
    for (const end of this.ends) end();
    this.ends = [];
  }

  /** @returns {Source} */
  get source() {
    const feed = feedOf(this);
    if (feed) return feed.source;
    /** @type {any} */
    const options = {};
    for (const name of ['wasm', 'root', 'bundle', 'channel', 'name', 'consent']) options[name] = this.getAttribute(name) ?? undefined;
    if (!options.root) return this.#own;
    const key = JSON.stringify(options);
    const source = opened.get(key) ?? recommender(options);
    opened.set(key, source);
    return source;
  }
}

/** The feed that an element is for, or stands in. @param {Element} element @returns {any} */
export function feedOf(element) {
  return document.getElementById(element.getAttribute('for') ?? '') ?? element.parentElement?.closest('nearside-feed');
}

/**
 * An element's words: from its strings attribute, which is JSON, or the default.
 *
 * @param {Element} element
 * @param {Record<string, string>} strings
 */
export function speak(element, strings) {
  return (/** @type {string} */ name, /** @type {Record<string, any>} what stands for {…} in it */ places = {}) =>
    String({ ...strings, ...JSON.parse(element.getAttribute('strings') ?? '{}') }[name]).replace(/{(\w+)}/g, (_, place) => places[place]);
}

/** Gives an element its shadow. @param {HTMLElement} element @param {string} css @param {Node} inside */
export function shade(element, css, inside) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`:host{display:block}*{font:inherit;box-sizing:border-box}summary,button,label{cursor:pointer}summary{width:fit-content}ul{list-style:none;margin:0;padding:0}:focus-visible{outline:2px solid;outline-offset:2px}${css}`);
  const root = element.attachShadow({ mode: 'open' });
  root.adoptedStyleSheets = [sheet];
  root.append(inside);
  return root;
}

/**
 * Makes an element.
 *
 * @param {string} tag
 * @param {object} [is] its properties
 * @param {...(Node | string)} inside
 * @returns {any}
 */
export function make(tag, is, ...inside) {
  const element = Object.assign(document.createElement(tag), is);
  element.append(...inside);
  return element;
}
