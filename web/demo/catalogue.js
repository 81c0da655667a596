// The catalogue as this page shows it: every item, its title taken apart, and
// the subjects by which a reader looks around.

/** So few that neither the answer nor what is made of it holds up the page. */
const itemsPerCall = 512;
const subjectCount = 24;

/**
 * @typedef {import('../guest.js').CatalogueItem & {name: string, year: string, date: string, subject: string}} Item
 *   name is the title without its year; year is when it was made and date when it
 *   was published, and both may be ''; subject is the tag that says most about the item
 */

/**
 * Reads the whole catalogue out of the opened model; nothing is fetched.
 *
 * @param {Awaited<ReturnType<import('../nearside.js').open>>} nearside
 */
export async function readCatalogue(nearside) {
  const { count } = await nearside.items([]);
  const catalogue = new Catalogue();
  for (let from = 0; from < count; from += itemsPerCall) {
    const indices = Array.from({ length: Math.min(itemsPerCall, count - from) }, (_, i) => from + i);
    catalogue.add((await nearside.items(indices)).items);
  }
  return catalogue;
}

const days = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });

export class Catalogue {
  /** @type {import('../guest.js').CatalogueItem[]} in the model's order */
  #rows = [];
  /** @type {Map<string, number>} */
  #tagged = new Map();
  /** @type {Map<string, number>} rows by id */
  #places = new Map();
  /** @type {Map<string, Item>} those that were shown, and more once everything was asked for */
  #items = new Map();
  /** @type {string[]} what a search looks at, by row; made when somebody searches */
  #words = [];
  /** @type {string[] | undefined} */
  #subjects;
  /** @type {import('../guest.js').CatalogueItem[] | undefined} */
  #popular;

  /** @param {import('../guest.js').CatalogueItem[]} items the next ones */
  add(items) {
    for (const item of items) {
      this.#places.set(item.id, this.#rows.length);
      this.#rows.push(item);
      for (const tag of item.tags) this.#tagged.set(tag, (this.#tagged.get(tag) ?? 0) + 1);
    }
  }

  get count() {
    return this.#rows.length;
  }

  /** Tags that many items have, the most common first. */
  get subjects() {
    const counts = this.#tagged;
    this.#subjects ??= [...counts.keys()].sort((a, b) => Number(counts.get(b)) - Number(counts.get(a))).slice(0, subjectCount);
    return this.#subjects;
  }

  /** @param {string} id @returns {Item} */
  item(id) {
    const known = this.#items.get(id);
    if (known) return known;
    const row = this.#rows[/** @type {number} */ (this.#places.get(id))];
    const { name, year } = splitTitle(row.title || id);
    const published = year === '' && row.published ? days.format(1000 * row.published) : '';
    // The rarest of its common tags tells most: Film-Noir rather than Drama.
    const subject = this.subjects.findLast((tag) => row.tags.includes(tag)) ?? row.tags[0] ?? '';
    const item = { ...row, name, year, date: year || published, subject };
    this.#items.set(id, item);
    return item;
  }

  /**
   * The most popular items that pass.
   *
   * @param {number} k
   * @param {(item: import('../guest.js').CatalogueItem) => boolean} pass
   */
  popular(k, pass) {
    this.#popular ??= this.#rows.toSorted((a, b) => b.popularity - a.popularity);
    const found = [];
    for (const row of this.#popular) if (pass(row) && found.push(this.item(row.id)) === k) break;
    return found;
  }

  /** How many items have none of the tags. @param {string[]} tags */
  without(tags) {
    return tags.length === 0 ? this.count : this.#rows.filter((row) => !row.tags.some((tag) => tags.includes(tag))).length;
  }

  /**
   * The items that have every word of the query and none of the tags: those that
   * begin with it first, then the popular ones.
   *
   * @param {string} query
   * @param {string[]} noTags
   */
  search(query, noTags) {
    const words = plain(query).split(' ').filter(Boolean);
    if (words.length === 0) return [];
    for (let i = this.#words.length; i < this.#rows.length; i++) {
      const { id, title, author, tags } = this.#rows[i];
      this.#words.push(plain([splitTitle(title || id).name, author, title, ...tags].join(' ')));
    }
    const start = words.join(' ');
    return this.#rows
      .filter((row, i) => words.every((word) => this.#words[i].includes(word)) && !row.tags.some((tag) => noTags.includes(tag)))
      .map((row) => ({ row, begins: this.#words[/** @type {number} */ (this.#places.get(row.id))].startsWith(start) }))
      .sort((a, b) => Number(b.begins) - Number(a.begins) || b.row.popularity - a.row.popularity)
      .map(({ row }) => row);
  }
}

/**
 * A title's name and year. Catalogues sort "Third Man, The (1949)" under T; a
 * reader calls it The Third Man.
 *
 * @param {string} title
 */
export function splitTitle(title) {
  const [, rest, year = ''] = /^(.*?)(?:\s*\((\d{4})(?:[-–]\d{0,4})?\))?$/.exec(title.trim()) ?? [];
  const name = (rest ?? title).replace(/\s*\(.*\)$/, '') || title;
  return { name: name.replace(/^(.*), (The|A|An|Le|La|Les|L'|El|Los|Las|Il|Der|Die|Das)$/, '$2 $1').replace(/^L' /, "L'"), year };
}

/** Lower case, without accents and punctuation. @param {string} text */
function plain(text) {
  return text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}
