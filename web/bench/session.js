// One peer in one process or page: the same steps in Node and in Chromium.

/**
 * What a file of peers/ exports.
 *
 * @typedef {object} Peer
 * @property {string} title
 * @property {string[]} files that the library loads besides its JavaScript:
 *   paths in node_modules, 'scan.wasm' or 'nearside.wasm'
 * @property {string[]} inputs other files of the world that open reads
 * @property {number} [largest] rows that it is asked to hold
 * @property {string} [why] not more
 * @property {Pack} pack
 * @property {Open} open
 *
 * @callback Pack the publisher's side, untimed: what a page would download
 * @param {{items: Float32Array, n: number, d: number, input: (name: string) => Promise<Uint8Array>}} world items n×d, row-major
 * @returns {Uint8Array | Promise<Uint8Array>}
 *
 * @callback Open the device's side: from bytes in hand to something to ask
 * @param {Uint8Array} wire
 * @param {{n: number, d: number}} shape
 * @param {Host} host
 * @returns {Promise<Session>}
 *
 * @typedef {object} Host
 * @property {(path: string) => Promise<Uint8Array>} file one of the peer's files, already in memory
 * @property {(path: string) => Promise<string>} url the same for libraries that insist on fetching
 * @property {(name: string) => Promise<Uint8Array>} input one of the peer's inputs, already in memory
 *
 * @typedef {object} Session
 * @property {(query: Float32Array, k: number) => ArrayLike<number> | Promise<ArrayLike<number>>} [search]
 *   the rows with the largest inner products, best first
 * @property {Record<string, (query: number, k: number) => ArrayLike<number> | Promise<ArrayLike<number>>>} [extra]
 *   more rows of the table, by title: what else it answers about query number so-and-so
 * @property {() => void} [settle] does what the first answer could do without
 * @property {() => number} [memory] bytes of linear memory
 * @property {() => void} close
 *
 * @typedef {object} Inputs
 * @property {{n: number, d: number, q: number}} shape
 * @property {Uint8Array | null} wire dropped once it is open
 * @property {Float32Array} queries q×d
 * @property {Host} host
 * @property {() => Promise<Peer>} load imports the peer
 */

export const k = 10;

/** The session's search and what else it offers. @param {Session} session */
const questions = (session) => ({ ...(session.search && { search: session.search }), ...session.extra });

/** @param {Inputs} inputs */
export function runner(inputs) {
  const { shape, queries, host, load } = inputs;
  /** @type {Session | undefined} */
  let session;

  /** @param {string} row @param {number} i */
  const ask = (row, i) => {
    const open = /** @type {Session} */ (session);
    if (row !== 'search') return /** @type {any} */ (open.extra)[row](i, k);
    return /** @type {any} */ (open.search)(queries.subarray(i * shape.d, (i + 1) * shape.d), k);
  };

  return {
    /**
     * From bytes in hand to the first answer.
     *
     * @returns {Promise<{openMS: number, firstMS: number, settledMS: number, rows: string[]}>} each includes those before it
     */
    async open() {
      const from = performance.now();
      const peer = await load();
      session = await peer.open(/** @type {Uint8Array} */ (inputs.wire), shape, host);
      const openMS = performance.now() - from;
      const rows = Object.keys(questions(session));
      if (rows.length > 0) await ask(rows[0], 0);
      const firstMS = performance.now() - from;
      session.settle?.();
      inputs.wire = null;
      return { openMS, firstMS, settledMS: performance.now() - from, rows };
    },

    /**
     * Times some queries. Where the host's clock is coarse, several that follow
     * each other share a reading.
     *
     * @param {{row: string, from: number, count: number, group: number}} what
     * @returns {Promise<{times: number[], rows: number[][]}>} milliseconds and answers, by query
     */
    async batch({ row, from, count, group }) {
      const times = [];
      const rows = [];
      for (let done = 0; done < count; ) {
        const some = Math.min(group, count - done);
        const answers = new Array(some);
        const start = performance.now();
        for (let i = 0; i < some; i++) {
          const answer = ask(row, (from + done + i) % shape.q);
          // Awaiting what is no promise would cost the fast ones a microsecond.
          answers[i] = answer instanceof Promise ? await answer : answer;
        }
        const each = (performance.now() - start) / some;
        for (const answer of answers) {
          times.push(each);
          rows.push(Array.from(answer));
        }
        done += some;
      }
      return { times, rows };
    },

    /** The smallest step of the clock, in milliseconds. */
    async tick() {
      let smallest = Infinity;
      for (let i = 0; i < 50; i++) {
        const from = performance.now();
        let to = from;
        while (to === from) to = performance.now();
        smallest = Math.min(smallest, to - from);
      }
      return smallest;
    },

    /** @returns {Promise<number | undefined>} bytes of linear memory, after a collection */
    async settle() {
      const { gc } = /** @type {any} */ (globalThis);
      if (gc) for (let i = 0; i < 3; i++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return session?.memory?.();
    },
  };
}
