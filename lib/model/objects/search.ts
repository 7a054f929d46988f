/** Searches. Some modules refuse criteria or ignore them, so the objects found are compared with the criteria. */
import { isBytes, viewOf } from '../../core/arguments';
import { constantValue } from '../../core/constant-names';
import { CryptokiError } from '../../core/errors';
import type { RawFound } from '../../raw/operations';
import { type Attributes, fromResults, toTemplate } from '../attributes';
import type { ModelSession } from '../model-types';
import { IDENTITY, IDENTITY_TYPES, type Identity } from './identity';

/** An object that was found, and the attributes that were read. */
export interface Found {
  readonly handle: bigint;
  readonly identity: Identity;
}

/** Criteria that a search can leave out, because they are read of each object and compared. */
const DISPENSABLE = ['keyType', 'token', 'private'] as const;

/** Errors of modules that cannot search by one of the attributes. */
const REFUSALS = ['CKR_ATTRIBUTE_TYPE_INVALID', 'CKR_ATTRIBUTE_VALUE_INVALID', 'CKR_TEMPLATE_INCONSISTENT'];

function isRefusal(error: unknown): boolean {
  return (
    error instanceof CryptokiError && error.function === 'C_FindObjectsInit' && REFUSALS.includes(error.code)
  );
}

/** Removes padding: some modules pad labels, and search by the label without the padding. */
function plainText(label: string | ArrayBufferView | ArrayBuffer): string {
  const text = typeof label === 'string' ? label : Buffer.from(viewOf(label)).toString();
  return text.replace(/[\0 ]+$/, '');
}

/**
 * Returns true when an object has the wanted values of those attributes that are read of each object.
 * @param required names of attributes that must have been readable
 */
function fits(identity: Identity, wanted: Attributes, required: readonly string[]): boolean {
  const same = (name: (typeof IDENTITY)[number], isSame: () => boolean): boolean => {
    if (wanted[name] === undefined) return true;
    return identity[name] === undefined ? !required.includes(name) : isSame();
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
  return found.map(({ handle, attributes: read }) => ({ handle, identity: fromResults(IDENTITY, read) }));
}

/**
 * Finds the objects with these attributes, each once.
 * @param limit the maximum number; 0 for all
 */
export async function search(session: ModelSession, attributes: Attributes, limit: number): Promise<Found[]> {
  let criteria = attributes;
  let leftOut: readonly string[] = [];
  let found: Found[];
  try {
    found = await searchBy(session, criteria, limit);
  } catch (error) {
    leftOut = DISPENSABLE.filter((name) => attributes[name] !== undefined);
    if (leftOut.length === 0 || !isRefusal(error)) throw error;
    const accepted = Object.entries(attributes).filter(([name]) => !leftOut.includes(name));
    criteria = Object.fromEntries(accepted) as Attributes;
    found = await searchBy(session, criteria, 0);
  }
  const fitting = (all: readonly Found[]): Found[] =>
    all.filter(({ identity }) => fits(identity, attributes, leftOut));
  const matches = fitting(found);
  if (limit === 0 || matches.length >= limit) return limit === 0 ? matches : matches.slice(0, limit);
  if (leftOut.length > 0 || matches.length === found.length) return matches;
  // Objects that do not match used up the limit, so matching ones may be missing: search without a limit.
  return fitting(await searchBy(session, criteria, 0)).slice(0, limit);
}
