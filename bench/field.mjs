// @ts-check
// All contenders on one module: the raw C loop, this package, and the others.
import { at } from '../scripts/tools.mjs';
import { Contender, Skipped } from './contender.mjs';
import { versionOf } from './install-peers.mjs';
import { rawLoop } from './native.mjs';

/**
 * @typedef {import('./measure.mjs').Entry} Entry
 *
 * @typedef {object} Form
 * @property {string} contender
 * @property {string} form
 * @property {boolean} [alone] true: uses a single session
 */

export const RAW = 'C loop';
export const OURS = 'cryptoki';

/** @type {readonly Form[]} */
const FORMS = [
  { contender: OURS, form: 'raw sync', alone: true },
  { contender: OURS, form: 'model sync', alone: true },
  { contender: OURS, form: 'raw async' },
  { contender: OURS, form: 'model' },
  { contender: OURS, form: 'client' },
  { contender: OURS, form: 'model, queued' },
  { contender: OURS, form: 'client, queued' },
  { contender: OURS, form: 'raw batch' },
  { contender: OURS, form: 'model batch' },
  { contender: OURS, form: 'client batch' },
  { contender: 'pkcs11js', form: 'sync', alone: true },
  { contender: 'pkcs11js', form: 'async' },
  { contender: 'graphene-pk11', form: 'sync', alone: true },
  { contender: 'graphene-pk11', form: 'async' },
  { contender: 'node-webcrypto-p11', form: 'promise' },
];

/** @type {Record<string, string[]>} */
const PROGRAMS = {
  [OURS]: ['contenders', 'cryptoki', 'index.mjs'],
  pkcs11js: ['peers', 'pkcs11js.mjs'],
  'graphene-pk11': ['peers', 'graphene.mjs'],
  'node-webcrypto-p11': ['peers', 'webcrypto.mjs'],
};

export const PEERS = Object.keys(PROGRAMS).filter((name) => name !== OURS);

/** The contenders on one module; each is a process that has the module open. */
export class Field {
  /** @type {Map<string, Contender>} */
  #contenders = new Map();
  /** Reasons for missing contenders, by name. @type {Map<string, string>} */
  absent = new Map();

  /**
   * @param {import('./modules.mjs').Started} module
   * @param {boolean} withPeers
   */
  static async open(module, withPeers) {
    const field = new Field();
    await field.#add(RAW, module, rawLoop(), []);
    for (const [name, path] of Object.entries(PROGRAMS)) {
      if (name !== OURS && !(withPeers && versionOf(name) !== undefined)) {
        field.absent.set(name, withPeers ? 'it is not installed' : 'left out');
        continue;
      }
      await field.#add(name, module, process.execPath, [at('bench', ...path)]);
    }
    return field;
  }

  /** @param {string} name @param {import('./modules.mjs').Started} module @param {string} command @param {string[]} args */
  async #add(name, { environment, target }, command, args) {
    const contender = new Contender(name, command, args, environment);
    this.#contenders.set(name, contender);
    try {
      await contender.open(target);
    } catch (error) {
      if (!(error instanceof Skipped) || name === RAW || name === OURS) throw error;
      this.absent.set(name, error.message);
    }
  }

  /** @returns {Entry} */
  get raw() {
    return { contender: /** @type {Contender} */ (this.#contenders.get(RAW)), form: 'loop' };
  }

  /**
   * Returns the entries that take part in a case with this number of sessions.
   * @param {number} sessions
   * @param {(form: Form) => boolean} [wanted]
   * @returns {Entry[]}
   */
  entries(sessions, wanted = () => true) {
    return FORMS.flatMap((each) => {
      const contender = this.#contenders.get(each.contender);
      if (contender === undefined || this.absent.has(each.contender)) return [];
      return (each.alone && sessions > 1) || !wanted(each) ? [] : [{ contender, form: each.form }];
    });
  }

  /** Names of processes that have crashed. */
  get dead() {
    const all = [...this.#contenders.values()];
    return all.flatMap(({ name, dead }) => (dead === undefined ? [] : [{ name, why: dead }]));
  }

  async close() {
    for (const contender of this.#contenders.values()) await contender.close();
  }
}
