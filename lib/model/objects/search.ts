/** Searches, from modules that refuse some criteria or ignore them: what was found is compared with what was asked for. */
import { isBytes, viewOf } from '../../core/arguments';
import { constantValue } from '../../core/constant-names';
import { CryptokiError } from '../../core/errors';
import type { RawFound } from '../../raw/operations';
import { type Attributes, fromResults, toTemplate } from '../attributes';
import type { ModelSession } from '../model-types';
import { IDENTITY, IDENTITY_TYPES, type Identity } from './identity';

/** An object that was found, and what is read of it. */
export interface Found {
  readonly handle: bigint;
  readonly identity: Identity;
}

/** Criteria that the search can do without, since they are read of each object that is found. */
const DISPENSABLE = ['keyType', 'token', 'private'] as const;

/** The module does not search by one of the attributes. */
const REFUSALS = ['CKR_ATTRIBUTE_TYPE_INVALID', 'CKR_ATTRIBUTE_VALUE_INVALID', 'CKR_TEMPLATE_INCONSISTENT'];

function isRefusal(error: unknown): boolean {
  return (
    error instanceof CryptokiError && error.function === 'C_FindObjectsInit' && REFUSALS.includes(error.code)
  );
}

/** Some modules pad labels, and search by the label without the padding. */
function plainText(label: string | ArrayBufferView | ArrayBuffer): string {
  const text = typeof label === 'string' ? label : Buffer.from(viewOf(label)).toString();
  return text.replace(/[\0 ]+$/, '');
}

/** Whether an object has the attributes, as far as they are read of each object. @param known those that must be readable */
function fits(identity: Identity, wanted: Attributes, known: readonly string[]): boolean {
  const same = (name: (typeof IDENTITY)[number], isSame: () => boolean): boolean => {
    if (wanted[name] === undefined) return true;
    return identity[name] === undefined ? !known.includes(name) : isSame();
  };
  const number = (family: 'CKO' | 'CKK', value: unknown): bigint =>
    BigInt(constantValue(family, value as string | number));
  return (
    same('class', () => number('CKO', identity.class) === number('CKO', wanted.class)) &&
    same('keyType', () => number('CKK', identity.keyType) === number('CKK', wanted.keyType)) &&
    same('token', () => identity.token === wanted.token) &&
    same('private', () => identity.private === wanted.private) &&
    same('label', () => plainText(identity.label ?? '') === plainText(wanted.label ?? '')) &&
    same('id', () => isBytes(wanted.id) && (identity.id?.equals(viewOf(wanted.id)) ?? false))
  );
}

async function searchBy(session: ModelSession, attributes: Attributes, limit: number): Promise<Found[]> {
  const raw = session.use();
  const found: RawFound[] = await raw.findObjects(
    session.name,
    toTemplate(attributes),
    IDENTITY_TYPES,
    limit,
  );
  return found.map((each) => ({ handle: each.handle, identity: fromResults(IDENTITY, each.attributes) }));
}

/** The objects with these attributes, each once. @param limit how many at most; 0 for all */
export async function search(session: ModelSession, attributes: Attributes, limit: number): Promise<Found[]> {
  let asked = attributes;
  let known: readonly string[] = [];
  let found: Found[];
  try {
    found = await searchBy(session, asked, limit);
  } catch (error) {
    known = DISPENSABLE.filter((name) => attributes[name] !== undefined);
    if (known.length === 0 || !isRefusal(error)) throw error;
    const others = Object.entries(attributes).filter(([name]) => !known.includes(name));
    asked = Object.fromEntries(others) as Attributes;
    found = await searchBy(session, asked, 0);
  }
  const fitting = (all: readonly Found[]): Found[] =>
    all.filter(({ identity }) => fits(identity, attributes, known));
  const right = fitting(found);
  if (limit === 0 || right.length >= limit) return limit === 0 ? right : right.slice(0, limit);
  if (known.length > 0 || right.length === found.length) return right;
  // Those that the module should not have given may stand before those that it should.
  return fitting(await searchBy(session, asked, 0)).slice(0, limit);
}
