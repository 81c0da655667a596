// The manifest of a bundle with names in place of numbers. The module has
// verified and judged it; this only reads it out for people and for the SDK.

import { toHex } from './guest.js';
import { decode } from './msgpack.js';

const scorers = ['unknown', 'popular', 'fold-in', 'neighbours', 'pool', 'sequence'];
const codecs = ['none', 'int8', 'int4', 'pq', 'binary', 'float'];

/** What a section holds, by its number in SPEC.md. */
const sectionKinds = (
  ' ids titles tag-names tags authors published urls images popularity trend gains pool-weights net encoder  rows row-scales gram ridge ' +
  'centroids centroid-scales   starts neighbours weights scales pool-counts pool-items pool-codes pool-scales rescore rescore-scales'
).split(' ');

/**
 * @typedef {object} Manifest what the publisher signed
 * @property {string} channel may be ''
 * @property {string} model the algorithm it was learnt with
 * @property {number} version grows with every release of a channel
 * @property {number} created Unix seconds
 * @property {number} expires Unix seconds
 * @property {number} abi
 * @property {Limits} limits
 * @property {Section[]} sections the rest of the file
 * @property {Scoring} scoring
 * @property {Privacy} privacy
 * @property {number} knownAnswers how many answers the module checked against the publisher's
 * @property {number} earlyAnswers the same for answers without the rows that rescore
 * @property {Retrieval | null} retrieval null: the scorer has no factors
 * @property {Pool | null} pool null: the scorer is another
 *
 * @typedef {object} Section
 * @property {string} kind 'ids', 'titles', … as SPEC.md has it
 * @property {number} bytes
 * @property {string} hash in hex: the tree hash of SPEC.md; SHA-256 in format 1
 *
 * @typedef {object} Limits
 * @property {number} items in the catalogue
 * @property {number} dim factors per item; 0: none
 * @property {number} k items that a request may ask for
 * @property {number} history events that a request may have
 *
 * @typedef {object} Scoring
 * @property {string} scorer 'popular', 'fold-in', 'neighbours', 'pool' or 'sequence'
 * @property {number[]} weights of each kind of event; 65536 is 1
 * @property {number} halfLife seconds in which an event loses half its weight; 0: never
 *
 * @typedef {object} Retrieval how items are found
 * @property {string} codec of the rows that are scanned: 'int8', 'int4', 'pq',
 *   'binary' or 'float'
 * @property {number} groups sub-quantisers of 'pq'; 0 otherwise
 * @property {string} rescore codec of the rows that give candidates their score:
 *   'none', 'int8' or 'int4'
 * @property {number} candidates how many there are in a list of ten; 0: all items
 *
 * @typedef {object} Pool how a history is weighed, and what comes of it
 * @property {number} columns weights of each neighbour
 * @property {boolean} repeats items of the history may be recommended
 * @property {number} nearest how many of the nearest by factors are candidates
 * @property {number} candidates how many of the best the net ranks again; 0: it
 *   has none
 * @property {number[]} net units of its hidden layers; empty: there is none
 *
 * @typedef {object} Privacy what the model was learnt from
 * @property {number} users people in the training data
 * @property {number} events user-item pairs they left
 * @property {number} minItemUsers the fewest people behind any item
 * @property {number} dropped rows of the log that cleaning dropped
 */

/**
 * @param {Uint8Array} bytes a manifest that the module has accepted
 * @returns {Manifest}
 */
export function readManifest(bytes) {
  const top = decode(bytes);
  const [limits, sections, scoring, privacy, answers] = [7, 8, 9, 10, 11].map((key) => top.get(key));
  return {
    channel: top.get(1),
    model: top.get(2),
    version: top.get(3),
    created: top.get(4),
    expires: top.get(5),
    abi: top.get(6),
    limits: { items: limits.get(0), dim: limits.get(1), k: limits.get(2), history: limits.get(3) },
    sections: sections.map((/** @type {Map<number, any>} */ section) => ({
      kind: sectionKinds[section.get(0)] || 'unknown',
      bytes: section.get(1),
      hash: toHex(section.get(2)),
    })),
    scoring: { scorer: scorers[scoring.get(0)], weights: scoring.get(1), halfLife: scoring.get(2) },
    privacy: {
      users: privacy.get(0),
      events: privacy.get(1),
      minItemUsers: privacy.get(2),
      dropped: privacy.get(3),
    },
    knownAnswers: answers.length,
    earlyAnswers: top.get(13)?.length ?? 0,
    retrieval: readRetrieval(top.get(12), scorers[scoring.get(0)]),
    pool: readPool(top.get(14)),
  };
}

/**
 * @param {Map<number, any> | undefined} retrieval
 * @param {string} scorer
 * @returns {Retrieval | null}
 */
function readRetrieval(retrieval, scorer) {
  if (!retrieval && scorer !== 'fold-in') return null;
  const [codec = 1, groups = 0, rescore = 0, candidates = 0] = [0, 1, 2, 3].map((key) => retrieval?.get(key)); // format 1 had int8 alone
  return { codec: codecs[codec] ?? 'unknown', groups, rescore: codecs[rescore] ?? 'unknown', candidates };
}

/**
 * @param {Map<number, any> | undefined} pool
 * @returns {Pool | null}
 */
function readPool(pool) {
  if (!pool) return null;
  const [columns, candidates, nearest, repeats, net = []] = [2, 4, 5, 6, 7].map((key) => pool.get(key));
  return { columns, repeats, nearest, candidates, net };
}
