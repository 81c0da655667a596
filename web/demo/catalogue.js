// The catalogue as this page shows it: every item, its title taken apart, and
// the subjects by which a reader looks around.

const itemsPerCall = 4096;
const subjectCount = 20;

/**
 * @typedef {import('../guest.js').CatalogueItem & {
 *   name: string, year: string, subject: string, words: string}} Item
 *   name is the title without its year; year may be ''; subject is the tag that says most about
 *   the item; words is what a search looks at
 */

/**
 * Reads the whole catalogue out of the opened model; nothing is fetched.
 *
 * @param {Awaited<ReturnType<import('../nearside.js').open>>} nearside
 */
export async function readCatalogue(nearside) {
  const { count } = await nearside.items([]);
  const items = [];
  for (let from = 0; from < count; from += itemsPerCall) {
    const indices = Array.from({ length: Math.min(itemsPerCall, count - from) }, (_, i) => from + i);
    items.push(...(await nearside.items(indices)).items);
  }
  return new Catalogue(items);
}

export class Catalogue {
  /** @param {import('../guest.js').CatalogueItem[]} items */
  constructor(items) {
    const tagged = new Map();
    for (const { tags } of items) for (const tag of tags) tagged.set(tag, (tagged.get(tag) ?? 0) + 1);
    /** Tags that many items have, the most common first. */
    this.subjects = [...tagged.keys()].sort((a, b) => tagged.get(b) - tagged.get(a)).slice(0, subjectCount);
    /** @type {Item[]} most popular first */
    this.items = items
      .map((item) => {
        const { name, year } = splitTitle(item.title || item.id);
        const published = item.published ? String(new Date(1000 * item.published).getUTCFullYear()) : '';
        // The rarest of its common tags tells most: Film-Noir rather than Drama.
        const subject = this.subjects.findLast((tag) => item.tags.includes(tag)) ?? item.tags[0] ?? '';
        return { ...item, name, year: year || published, subject, words: plain([name, item.author, item.title, ...item.tags].join(' ')) };
      })
      .sort((a, b) => b.popularity - a.popularity || a.index - b.index);
    this.byId = new Map(this.items.map((item) => [item.id, item]));
  }

  /**
   * The items that have every word of the query, those that begin with it
   * first.
   *
   * @param {string} query
   */
  search(query) {
    const words = plain(query).split(' ').filter(Boolean);
    if (words.length === 0) return [];
    const found = this.items.filter((item) => words.every((word) => item.words.includes(word)));
    const begins = (/** @type {Item} */ item) => Number(item.words.startsWith(words.join(' ')));
    return found.sort((a, b) => begins(b) - begins(a));
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
