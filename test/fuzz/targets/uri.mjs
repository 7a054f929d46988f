// @ts-check
// PKCS#11 URIs: a formatted URI must be parsed to the same members and the same canonical text. Other texts must cause an error code.
import { isDeepStrictEqual } from 'node:util';
import { equalUris, formatUri, matchesUri, parseUri } from 'cryptoki';
import { junk } from '../values.mjs';

/** @typedef {import('../random.mjs').Random} Random */
/** @typedef {import('../leg.mjs').Leg} Leg */
/** @typedef {import('cryptoki').Pkcs11Uri} Pkcs11Uri */

const LETTERS = [
  'a',
  'Z',
  '7',
  ' ',
  '%',
  '=',
  ';',
  '?',
  '&',
  '/',
  '|',
  '#',
  '+',
  "'",
  '"',
  'é',
  'ß',
  '\u{1f511}',
  '\ufeff',
  '\u202e',
  '\n',
  '\x7f',
  '__proto__',
  '%00',
  '%2F',
];
const CLASSES = /** @type {const} */ (['PUBLIC_KEY', 'PRIVATE_KEY', 'CERTIFICATE', 'SECRET_KEY', 'DATA']);
const PIECES = [
  'pkcs11:',
  'token=',
  'id=%',
  ';',
  '?',
  '&',
  '%',
  '=',
  '%zz',
  '%C3',
  '%00',
  'pin-value=',
  'slot-id=',
  'library-version=',
  'type=',
  'x-v=',
  '\0',
  '\ud800',
];

/** @param {Random} random */
const text = (random) => Array.from({ length: random.below(12) }, () => random.pick(LETTERS)).join('');

/** Some of the members with their values. @param {Random} random @param {Record<string, () => unknown>} members */
function some(random, members) {
  return Object.fromEntries(
    Object.entries(members)
      .filter(() => random.chance(0.4))
      .map(([name, make]) => [name, make()]),
  );
}

/** @param {Random} random @returns {Pkcs11Uri} */
function uri(random) {
  const string = () => text(random);
  const vendorName = () =>
    `x-${random.pick(['a', 'B', 'vendor_1', 'very-long-name', 'constructor', '0'])}${random.below(5)}`;
  const list = (/** @type {() => unknown} */ make) =>
    Object.fromEntries(Array.from({ length: random.below(3) }, () => [vendorName(), make()]));
  const byte = () => random.below(256);
  const slotId = () => BigInt(random.next()) << BigInt(random.below(33));
  return /** @type {Pkcs11Uri} */ ({
    token: some(random, {
      label: string,
      manufacturer: string,
      serialNumber: string,
      model: string,
      slot: slotId,
    }),
    library: some(random, {
      manufacturer: string,
      description: string,
      version: () => ({ major: byte(), minor: byte() }),
    }),
    slot: some(random, { description: string, manufacturer: string }),
    object: some(random, {
      label: string,
      class: () => random.pick(CLASSES),
      id: () => random.bytes(random.below(40)),
    }),
    ...some(random, { pinSource: string, moduleName: string, modulePath: string }),
    ...(random.chance(0.2) && { pinValue: string() }),
    vendor: { path: list(string), query: list(() => Array.from({ length: random.between(1, 3) }, string)) },
  });
}

/** The members of a URI as plain objects, because parsed URIs hide the PIN. @param {Pkcs11Uri} value */
function plain({ token, library, slot, object, vendor, pinSource, pinValue, moduleName, modulePath }) {
  const copy = (/** @type {object} */ part) => ({ ...part });
  const parts = { token: copy(token), library: copy(library), slot: copy(slot), object: copy(object) };
  if ('version' in parts.library)
    parts.library = {
      ...parts.library,
      version: copy(/** @type {{ version: object }} */ (parts.library).version),
    };
  return {
    ...parts,
    vendor: { path: copy(vendor.path), query: copy(vendor.query) },
    pinSource,
    pinValue,
    moduleName,
    modulePath,
  };
}

/** A changed text, which is often still a URI. @param {Random} random @param {string} whole */
function mutated(random, whole) {
  let result = whole;
  for (let i = random.between(1, 4); i > 0; i -= 1) {
    const at = random.below(result.length + 1);
    const end = Math.min(result.length, at + random.below(6));
    const piece = random.pick([
      random.pick(PIECES),
      random.pick(LETTERS),
      String.fromCharCode(random.below(65536)),
      result.slice(at, end),
      '',
    ]);
    result = result.slice(0, at) + piece + result.slice(random.chance(0.5) ? at : end);
  }
  return random.chance(0.01) ? result + 'a'.repeat(70_000) : result;
}

/** @param {Leg} leg */
export async function run(leg) {
  /** @param {string} name @param {string} what @param {() => unknown} call */
  const attempt = (name, what, call) => {
    try {
      const result = call();
      leg.count(name, 'ok');
      return { result };
    } catch (error) {
      leg.judgeError(name, error, { strange: /proxy|primitive/.test(what), text: `${name}(${what})` });
      return undefined;
    }
  };
  while (leg.next()) {
    const random = leg.stepRandom;
    const value = uri(random);
    leg.note(`formatUri of step ${leg.step}`);
    const formatted = attempt(
      'formatUri',
      JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? `${each}n` : each)),
      () => formatUri(value),
    );
    if (formatted !== undefined) {
      const whole = String(formatted.result);
      leg.note(`parseUri(${JSON.stringify(whole)})`);
      const parsed = attempt('parseUri', whole, () => parseUri(whole));
      if (parsed === undefined) leg.fail('parseUri refuses what formatUri has made', whole);
      else checkTrip(leg, value, whole, /** @type {Pkcs11Uri} */ (parsed.result));
      const other = mutated(random, whole);
      leg.note(`parseUri(${JSON.stringify(other)})`);
      const found = attempt('parseUri of a mutation', other, () => parseUri(other));
      if (found !== undefined) checkCanonical(leg, other, /** @type {Pkcs11Uri} */ (found.result));
    }
    const [wrong, what] = junk(random);
    leg.note(`junk: ${what}`);
    for (const [name, call] of /** @type {[string, (...given: unknown[]) => unknown][]} */ ([
      ['parseUri', parseUri],
      ['formatUri', formatUri],
      ['matchesUri', matchesUri],
      ['equalUris', equalUris],
    ]))
      attempt(`${name} of junk`, what, () => call(...(random.chance(0.5) ? [wrong, wrong] : [value, wrong])));
    const group = random.pick(['token', 'library', 'slot', 'object', 'vendor', 'pinSource']);
    attempt('formatUri with junk inside', `${group}: ${what}`, () =>
      formatUri(
        /** @type {Pkcs11Uri} */ ({
          ...value,
          [group]: random.chance(0.5) ? wrong : { label: wrong, description: wrong },
        }),
      ),
    );
    if (leg.step % 50 === 0) await new Promise(setImmediate);
  }
}

const toJson = (/** @type {Pkcs11Uri} */ uri) =>
  JSON.stringify(uri, (_name, value) => (typeof value === 'bigint' ? `${value}` : value));

/** @param {Leg} leg @param {Pkcs11Uri} value @param {string} whole @param {Pkcs11Uri} parsed */
function checkTrip(leg, value, whole, parsed) {
  if (!isDeepStrictEqual(plain(parsed), plain(value)))
    leg.fail('parseUri gives another URI than was formatted', whole);
  else if (formatUri(parsed) !== whole) leg.fail('formatUri gives another text for the same URI', whole);
  else if (!equalUris(parsed, value)) leg.fail('equalUris: the same are not equal', whole);
  else leg.verified('URIs');
  // The PIN may occur elsewhere in the URI by chance: with another PIN the text must be the same.
  const { pinValue } = value;
  const other = parseUri(formatUri({ ...value, pinValue: pinValue && `${pinValue}~` }));
  if (toJson(parsed) !== toJson(other)) leg.fail('a parsed URI shows its PIN to JSON.stringify', 'a PIN');
}

/** @param {Leg} leg @param {string} other @param {Pkcs11Uri} parsed */
function checkCanonical(leg, other, parsed) {
  const canonical = formatUri(parsed);
  if (!isDeepStrictEqual(plain(parseUri(canonical)), plain(parsed)))
    leg.fail('the canonical form of a URI is another URI', other);
  else leg.verified('mutated URIs');
}
