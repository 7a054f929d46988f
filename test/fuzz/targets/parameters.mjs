// @ts-check
// Parameter structures of mechanisms: each valid one must be converted to native memory, and wrong or unknown fields must be
// refused by name. The mechanism is an unassigned vendor mechanism, so that the module never reads the structure.
import { CryptokiError } from 'cryptoki';
import { Ground, openPlace } from '../ground.mjs';
import { Results } from '../results.mjs';
import { OPTIONAL, STRUCTURES, structureFor } from '../structures.mjs';
import { junk } from '../values.mjs';

/** @typedef {import('../leg.mjs').Leg} Leg */

const NO_MECHANISM = 0x80001234;
/** A value that a field cannot have, by the kind of the field. */
const WRONG = {
  ...{ Fixed: Buffer.alloc(3), Bytes: 5, Plain: 'text', Ulong: -1, Byte: 256, Boolean: 1, Handle: 'x' },
  ...{ Version: 3, Nested: 1, Pointer: 1, Array: {}, Template: {}, Mechanism: 'x', CString: 5, Any: true },
};

/** @param {Leg} leg */
export async function run(leg) {
  leg.note('opens softhsm');
  const place = await openPlace('softhsm');
  const ground = new Ground(place);
  ground.repair();
  const results = new Results(leg);
  const session = /** @type {bigint} */ (ground.own[1]);
  while (leg.next()) {
    const random = leg.stepRandom;
    const structure = random.pick([...STRUCTURES.values()]);
    const parameter = structureFor(random, structure.name);
    const kind = random.weighted([
      [4, 'right'],
      [2, 'unknown field'],
      [2, 'missing field'],
      [3, 'wrong field'],
      [3, 'junk in a field'],
    ]);
    const field = random.pick(structure.fields);
    /** Name of the field that the error must contain. @type {string | undefined} */
    let named;
    let what = kind;
    if (kind === 'unknown field') {
      named = random.pick(['tagBitss', 'IV', 'constructor2', 'ümlaut']);
      parameter[named] = random.pick([1, undefined, Buffer.alloc(1)]);
    } else if (kind === 'missing field' && !OPTIONAL.has(field.kind) && !field.out) {
      delete parameter[field.js];
      named = field.js;
    } else if (kind === 'wrong field' && field.kind in WRONG) {
      parameter[field.js] = WRONG[/** @type {keyof typeof WRONG} */ (field.kind)];
      named = field.js;
    } else if (kind === 'junk in a field') {
      const [value, text] = junk(random);
      parameter[field.js] = value;
      what += `: ${text}`;
    }
    const text = `${structure.name}, ${what}${named === undefined ? '' : ` ${named}`}`;
    const sync = random.chance(0.5);
    leg.note(`${sync ? 'digestSync' : 'digest'}(${text})`);
    const name = `${structure.name} ${kind}`;
    const mechanism = { mechanism: NO_MECHANISM, parameter };
    try {
      const data = random.bytes(8);
      const call = sync
        ? ground.raw.digestSync(session, mechanism, data)
        : ground.raw.digest(session, mechanism, data);
      const [outcome] = await leg.settle([{ name, text, promise: Promise.resolve(call) }]);
      if (outcome?.status === 'rejected') throw outcome.reason;
      leg.fail('a mechanism that no module has makes a digest', text);
      results.keep('digest', outcome?.value, random);
    } catch (error) {
      leg.judgeError(kind, error, { strange: /proxy|primitive/.test(what), text });
      const isModules = error instanceof CryptokiError && error.rv !== undefined;
      const message = error instanceof Error ? error.message : '';
      if (kind === 'right' && !isModules)
        leg.fail(`a parameter that is right is refused: ${structure.name}`, `${text}: ${message}`);
      else if (named !== undefined && isModules)
        leg.fail(`a parameter that is wrong is taken: ${structure.name}, ${kind}`, text);
      else if (named !== undefined && !message.includes(named))
        leg.fail(`an error does not name the field: ${structure.name}.${named}`, `${text}: ${message}`);
      else leg.verified(`parameters: ${kind}`);
    }
  }
  leg.note('closes the module');
  await ground.close();
  await place.remove();
}
