// @ts-check
// The targets of the fuzzer by name. Each runs in a separate process; its module exports run(leg).

/**
 * @typedef {object} Target
 * @property {string} name
 * @property {() => Promise<{ run(leg: import('../leg.mjs').Leg): Promise<void> }>} load
 * @property {boolean} [planted] fails on purpose, for the tests of the runner; runs only with --only
 */

/** @type {readonly Target[]} */
export const targets = [
  { name: 'uri', load: () => import('./uri.mjs') },
  { name: 'parameters', load: () => import('./parameters.mjs') },
  { name: 'templates-softhsm', load: async () => (await import('./templates.mjs')).on('softhsm') },
  { name: 'templates-nss', load: async () => (await import('./templates.mjs')).on('nss') },
  { name: 'raw-softhsm', load: async () => (await import('./raw.mjs')).on('softhsm') },
  { name: 'raw-nss', load: async () => (await import('./raw.mjs')).on('nss') },
  { name: 'raw-odd', load: async () => (await import('./raw.mjs')).on('odd') },
  { name: 'raw-workers', load: () => import('./raw-workers.mjs') },
  { name: 'model-softhsm', load: async () => (await import('./model.mjs')).on('softhsm') },
  { name: 'model-nss', load: async () => (await import('./model.mjs')).on('nss') },
  { name: 'model-odd', load: async () => (await import('./model.mjs')).on('odd') },
  ...['quiet', 'failure', 'abort', 'hang', 'unsettled', 'rejection'].map((what) => ({
    name: `planted-${what}`,
    load: async () => (await import('./planted.mjs')).on(what),
    planted: true,
  })),
];
