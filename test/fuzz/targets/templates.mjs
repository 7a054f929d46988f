// @ts-check
// Attributes of every type by name, on real objects: the value that is read must equal the value that was written.
import { isDeepStrictEqual } from 'node:util';
import { Module } from 'cryptoki';
import { openPlace } from '../ground.mjs';
import { junk } from '../values.mjs';

/** @typedef {import('../random.mjs').Random} Random */
/** @typedef {import('../leg.mjs').Leg} Leg */

/** @type {Record<string, (random: Random) => unknown>} */
const KINDS = {
  text: (random) =>
    random.pick(['', 'label', 'grüße \u{1f511}', 'x'.repeat(random.below(400)), '%s%n', ' padded ']),
  bytes: (random) => random.bytes(random.pick([0, 1, 20, 256, 3000])),
  someBytes: (random) => random.bytes(random.between(1, 300)),
  boolean: (random) => random.chance(0.5),
  date: (random) => new Date(Date.UTC(random.between(1970, 9999), random.below(12), random.between(1, 28))),
  number: (random) => random.pick([0, 1, 2]),
};

/** Attributes for objects of a class, with their types. @type {Record<string, { fixed: object, free: Record<string, string> }>} */
const CLASSES = {
  DATA: {
    fixed: { class: 'DATA', token: false },
    free: { label: 'text', application: 'text', value: 'bytes', objectId: 'bytes', modifiable: 'boolean' },
  },
  CERTIFICATE: {
    fixed: {
      class: 'CERTIFICATE',
      certificateType: 'X_509',
      token: false,
      subject: Buffer.from('3000', 'hex'),
      value: Buffer.from('3000', 'hex'),
    },
    free: {
      label: 'text',
      id: 'bytes',
      issuer: 'bytes',
      serialNumber: 'someBytes',
      startDate: 'date',
      endDate: 'date',
      url: 'text',
    },
  },
  SECRET_KEY: {
    fixed: {
      class: 'SECRET_KEY',
      keyType: 'GENERIC_SECRET',
      token: false,
      sensitive: false,
      extractable: true,
    },
    free: {
      ...{ label: 'text', id: 'bytes', value: 'someBytes', startDate: 'date', endDate: 'date' },
      ...{
        sign: 'boolean',
        verify: 'boolean',
        derive: 'boolean',
        encrypt: 'boolean',
        decrypt: 'boolean',
        wrap: 'boolean',
      },
    },
  },
  PUBLIC_KEY: {
    fixed: { class: 'PUBLIC_KEY', keyType: 'RSA', token: false },
    free: {
      label: 'text',
      id: 'bytes',
      subject: 'bytes',
      verify: 'boolean',
      encrypt: 'boolean',
      modulus: 'someBytes',
      publicExponent: 'someBytes',
    },
  },
};
/** Attributes that an object of the class must have. */
const NEEDED = new Set(['value', 'modulus', 'publicExponent', 'serialNumber', 'issuer']);

/** @param {string} name of the place */
export const on = (name) => ({
  /** @param {Leg} leg */
  async run(leg) {
    leg.note(`opens ${name}`);
    const place = await openPlace(name);
    const module = await Module.open(place.path, place.initialize ?? {});
    const tokens = await module.tokens();
    const token = name === 'nss' ? tokens[1] : tokens[0];
    if (token === undefined) throw new Error('the module has no token');
    const session = await token.openSession({ readWrite: true });
    if (name === 'nss') {
      await session.login(null, { user: 'SO' });
      await session.initPin(place.pin);
      await session.logout();
    }
    await session.login(place.pin);
    while (leg.next()) await step(leg, session);
    leg.note('closes the module');
    await module.close();
    await place.remove();
  },
});

/** Removes leading zeros of a big integer, which have no meaning. @param {unknown} value */
function comparable(value) {
  if (!Buffer.isBuffer(value)) return value;
  const first = value.findIndex((byte) => byte !== 0);
  return first < 0 ? '' : value.subarray(first).toString('hex');
}

/** @param {Leg} leg @param {import('cryptoki').Session} session */
async function step(leg, session) {
  const random = leg.stepRandom;
  const name = random.pick(Object.keys(CLASSES));
  const { fixed, free } = CLASSES[name] ?? { fixed: {}, free: {} };
  const chosen = Object.entries(free).filter(([attribute]) => NEEDED.has(attribute) || random.chance(0.5));
  /** @type {Record<string, unknown>} */
  const given = Object.fromEntries(chosen.map(([attribute, kind]) => [attribute, KINDS[kind]?.(random)]));
  let text = `${name}: ${chosen.map(([attribute]) => attribute)}`;
  const isJunk = random.chance(0.2);
  if (isJunk) {
    const [value, what] = junk(random);
    const attribute = random.pick([...Object.keys(free), 'noSuchAttribute', '__proto__', '2147483649']);
    given[attribute] = value;
    text += `, ${attribute}: ${what}`;
  }
  leg.note(`createObject(${text})`);
  const strange = /proxy|primitive/.test(text);
  let object;
  try {
    const attributes = /** @type {import('cryptoki').Attributes} */ (
      random.chance(0.5) ? { ...fixed, ...given } : { ...given, ...fixed }
    );
    object = await session.createObject(attributes);
    leg.count(`create ${name}`, 'ok');
  } catch (error) {
    return leg.judgeError(`create ${name}`, error, { strange, text });
  }
  try {
    if (!isJunk) await compare(leg, random, session, object, given, text);
    await object.destroy();
  } catch (error) {
    leg.judgeError(`read ${name}`, error, { strange, text });
  }
  return undefined;
}

/**
 * @param {Leg} leg @param {Random} random @param {import('cryptoki').Session} session
 * @param {import('cryptoki').StorageObject} object @param {Record<string, unknown>} given @param {string} text
 */
async function compare(leg, random, session, object, given, text) {
  const names = /** @type {import('cryptoki').AttributeName[]} */ (random.shuffled(Object.keys(given)));
  leg.note(`attributes(${names})`);
  const read = /** @type {Record<string, unknown>} */ (await object.attributes(...names));
  for (const name of names) {
    const [wanted, found] = [given[name], read[name]];
    if (found === undefined) {
      leg.count('attributes', `${name} is absent`);
      continue;
    }
    if (isDeepStrictEqual(comparable(found), comparable(wanted))) leg.verified('attributes');
    else
      leg.fail(
        `an attribute is read otherwise than it was written: ${name}`,
        `${text}: ${typeof wanted}, ${typeof found} of ${/** @type {Buffer} */ (found)?.length}`,
      );
  }
  if (typeof given.label !== 'string' || given.label === '') return;
  leg.note('find by label');
  const found = await session.find({ label: given.label, class: /** @type {'DATA'} */ (object.class) });
  if (
    found.every(({ label }) => label === given.label) &&
    found.some(({ handle }) => handle === object.handle)
  )
    leg.verified('find');
  else leg.fail('find: the objects found are others', `${text}: ${found.length} found`);
}
