// @ts-check
// Plans of calls that create data objects, read them and find them. Their values are known, so results can be checked.
import { CKA, CKO } from 'cryptoki/raw';
import { bytesOf, EDGES } from './values.mjs';

/** @typedef {import('./random.mjs').Random} Random */
/** @typedef {import('./leg.mjs').Leg} Leg */
/** @typedef {import('./ground.mjs').Ground} Ground */
/** @typedef {import('./call.mjs').Plan} Plan */

/** Data objects that only this class creates and changes. */
export class DataObjects {
  /** @type {Map<bigint, { label: Buffer, value: Buffer }>} */
  known = new Map();

  /** @param {Leg} leg @param {Ground} ground */
  constructor(leg, ground) {
    this.leg = leg;
    this.ground = ground;
  }

  /** Creates, reads or finds data objects. @param {Random} random @returns {Plan} */
  plan(random) {
    const session = /** @type {bigint} */ (this.ground.own[0]);
    const sync = random.chance(0.5);
    if (this.known.size < 3 || random.chance(0.2)) {
      const label = random.bytes(random.pick([0, 1, 8, 31, 200, 3000]));
      const value = random.bytes(random.length(3000));
      const template = [
        { type: CKA.CLASS, value: CKO.DATA },
        { type: CKA.TOKEN, value: false },
        { type: CKA.LABEL, bytes: label },
        { type: CKA.VALUE, value: bytesOf(random, value)[0] },
      ];
      const check = (/** @type {unknown} */ handle) => {
        // Wrong arguments could affect other objects.
        if (!EDGES.some((edge) => typeof edge === 'bigint' && edge === handle))
          this.known.set(/** @type {bigint} */ (handle), { label, value });
      };
      return {
        name: 'C_CreateObject',
        parameters: [session, template],
        text: `data, label of ${label.length}, value of ${value.length}`,
        sync,
        check,
      };
    }
    /** @param {bigint} handle @param {import('cryptoki/raw').RawAttributeResult[]} results @param {string} name */
    const compare = (handle, results, name) => {
      const wanted = this.known.get(handle);
      if (wanted === undefined || !this.ground.isJudged) return;
      for (const [i, bytes] of [wanted.label, wanted.value].entries()) {
        const { value } = results[i] ?? {};
        if (value === undefined) continue;
        if (Buffer.isBuffer(value) ? value.equals(bytes) : value === bytes.toString())
          this.leg.verified('attributes');
        else
          this.leg.fail(
            `${name}: wrong value of an attribute`,
            `${bytes.length} bytes wanted, got ${typeof value} of ${/** @type {Buffer} */ (value)?.length}`,
          );
      }
    };
    if (random.chance(0.5)) {
      const handle = random.pick([...this.known.keys()]);
      const check = (/** @type {unknown} */ results) =>
        compare(handle, /** @type {[]} */ (results), 'C_GetAttributeValue');
      return {
        name: 'C_GetAttributeValue',
        parameters: [session, handle, [CKA.LABEL, CKA.VALUE], true],
        text: 'label and value of data',
        sync,
        check,
      };
    }
    const template = random.chance(0.7) ? [{ type: CKA.CLASS, value: CKO.DATA }] : [];
    const limit = random.pick([0, 0, 1, 5]);
    const check = (/** @type {unknown} */ found) => {
      for (const { handle, attributes } of /** @type {import('cryptoki/raw').RawFound[]} */ (found))
        compare(handle, attributes, 'findObjects');
    };
    return {
      name: 'findObjects',
      parameters: [session, template, [CKA.LABEL, CKA.VALUE], limit],
      text: `data, limit ${limit}`,
      sync,
      check,
    };
  }

  /** Forgets the objects after their session or the module has ended. */
  forget() {
    this.known.clear();
  }
}
