// Trusted Types: the page's policy lets no string become HTML or script, and of
// strings that become the address of a script only those that somebody vouches
// for. The SDK does so for its worker, this file for the demo's own two. Browsers
// without Trusted Types do without.

const scripts = ['leak.js', 'sw.js'];

const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy('nearside-demo', {
  createScriptURL: (/** @type {string} */ path) => (scripts.includes(path) ? path : null),
});

/** The address of one of the demo's own scripts. @param {string} path @returns {string} */
export function scriptAddress(path) {
  return policy ? policy.createScriptURL(path) : path;
}
