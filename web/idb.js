// What the channels' store and the person's profile both need of IndexedDB:
// requests and transactions as promises, and databases with migrations.

/** Brings a database from one version to the next. @typedef {(db: IDBDatabase) => void} Migration */

/**
 * Opens a database, and runs the migrations that it has not seen. Its version is
 * how many there are, so a list only ever grows.
 *
 * @param {string} name
 * @param {Migration[]} migrations
 * @param {boolean} [create] whether it is made when it is not there
 * @returns {Promise<IDBDatabase | null>} null: it is not there, and none was made
 * @throws {DOMException} 'VersionError' when a later version of this file has
 *   been there, whose database stays as it is
 */
export async function openDatabase(name, migrations, create = true) {
  const request = indexedDB.open(name, migrations.length);
  let missing = false;
  request.onupgradeneeded = ({ oldVersion }) => {
    missing = oldVersion === 0 && !create;
    if (missing) request.transaction?.abort(); // or looking would leave an empty one behind
    else for (const migrate of migrations.slice(oldVersion)) migrate(request.result);
  };
  try {
    const db = await result(request);
    db.onversionchange = () => db.close(); // a tab with a later version of this file need not wait for us
    return db;
  } catch (error) {
    if (missing) return null;
    throw error;
  }
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
export function result(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** @param {IDBTransaction} transaction @returns {Promise<void>} */
export function completed(transaction) {
  const done = new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(undefined);
    transaction.onabort = () => reject(transaction.error ?? new Error('aborted'));
  });
  done.catch(() => {}); // a request of the transaction has told already
  return /** @type {Promise<any>} */ (done);
}

/** The keys of which the first part is this one. @param {string} first */
export function beginningWith(first) {
  return IDBKeyRange.bound([first], [first, []]); // an array is above every string
}
