import { type CryptokiError, isCode, ownError } from '../../core/errors';
import type { ObjectClass } from '../../model/objects/identity';
import type { Client } from '../client';
import type { OperationOptions } from '../client-types';
import type { ClientObject } from '../objects/client-object';
import type { ClientObjectSelection } from '../search-attributes';
import type { GroupMember } from './group-member';
import { comparedWith, type Identity, identityOf, isSame } from './key-identity';

/** The class and the selection of an object of a group. */
export interface Search {
  readonly objectClass: ObjectClass;
  readonly selection: ClientObjectSelection | undefined;
}

/** Finds the object on one member. */
function findOn(
  client: Client,
  { objectClass, selection }: Search,
  options?: OperationOptions,
): Promise<ClientObject> {
  if (objectClass === 'PRIVATE_KEY') return client.privateKey(selection, options);
  if (objectClass === 'PUBLIC_KEY') return client.publicKey(selection, options);
  if (objectClass === 'SECRET_KEY') return client.secretKey(selection, options);
  return client.certificate(selection, options);
}

/** An object whose identity was read, and the generation of the client for which that identity is valid. */
export interface Checked {
  readonly object: ClientObject;
  readonly identity: Identity;
  readonly generation: number;
}

/** Limit of attempts to read an identity, each of which a recovery of the client makes useless. */
const MAX_ATTEMPTS = 5;

/** Reads the identity of an object, in one generation of the client. @param expected the identity to compare it with */
export async function check(
  object: ClientObject,
  options: OperationOptions,
  expected?: Identity,
): Promise<Checked> {
  const { client } = object;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const { generation } = client;
    const found = await identityOf(object, options);
    const identity = expected === undefined ? found : await comparedWith(expected, object, found, options);
    if (generation === client.generation) return { object, identity, generation };
  }
  throw ownError(
    'ERR_CRYPTOKI_OBJECT_DEAD',
    `the token was lost ${MAX_ATTEMPTS} times while the key was compared; check the token and its connection`,
  );
}

/** Finds the object on one member and reads its identity. */
export async function findAndCheck(
  client: Client,
  search: Search,
  options: OperationOptions,
): Promise<Checked> {
  return check(await findOn(client, search, options), options);
}

/**
 * A key of a group on one member. It is compared with the expected identity before its first use, and again after each loss of the
 * member's sessions, because another key may have the same label then.
 */
export class MemberKey {
  readonly member: GroupMember;
  readonly #search: Search;
  readonly #mismatchOf: (member: GroupMember) => CryptokiError;
  readonly #expected: Identity;
  #checked: Checked | undefined;
  #finding: Promise<Checked> | undefined;
  /** The time of performance.now() at which a missing key is searched again. */
  #searchAt = 0;
  #comebacks: number;
  /** The reason why the member does not have the key. */
  error: unknown;

  /** @param mismatchOf builds the error for a member with another key */
  constructor(
    member: GroupMember,
    search: Search,
    expected: Identity,
    mismatchOf: (member: GroupMember) => CryptokiError,
  ) {
    this.member = member;
    this.#search = search;
    this.#expected = expected;
    this.#mismatchOf = mismatchOf;
    this.#comebacks = member.comebacks;
  }

  /** True when the member is known to have the key. */
  get isPresent(): boolean {
    return this.#checked !== undefined;
  }

  /** True when a missing key should be searched again: after a pause, and at once when the member is well again. */
  get isDue(): boolean {
    if (this.isPresent || this.#finding !== undefined || !this.member.isWell) return false;
    return performance.now() >= this.#searchAt || this.#comebacks !== this.member.comebacks;
  }

  /** CKA_ALWAYS_AUTHENTICATE of the key; false when the member does not have it. */
  get alwaysAuthenticates(): boolean {
    return this.#checked?.identity.alwaysAuthenticates ?? false;
  }

  /** Notes that the member has the key. */
  setPresent(checked: Checked): void {
    this.#checked = checked;
    this.error = undefined;
  }

  /** Notes that the member does not have the key. A further search is due after `pause` milliseconds. */
  setMissing(error: unknown, pause: number): void {
    this.#checked = undefined;
    this.error = error;
    this.#searchAt = performance.now() + pause;
    this.#comebacks = this.member.comebacks;
  }

  /** Returns the object, if its client has not recovered since the comparison. */
  current(client: Client): Checked | undefined {
    const checked = this.#checked;
    const isCurrent = checked?.object.client === client && checked.generation === client.generation;
    return isCurrent ? checked : undefined;
  }

  /** Finds or reads the object again and compares it. Simultaneous calls share one search, which no caller's signal ends. */
  find(client: Client): Promise<Checked> {
    this.#finding ??= this.#find(client).finally(() => {
      this.#finding = undefined;
    });
    return this.#finding;
  }

  /** Reads the identity of the object or, if it does not exist any more, of the one that the search finds. */
  async #checkAgain(client: Client): Promise<Checked> {
    const before = this.#checked?.object;
    if (before?.client === client) {
      try {
        return await check(before, {}, this.#expected);
      } catch (error) {
        if (!isCode(error, 'ERR_CRYPTOKI_OBJECT_NOT_FOUND')) throw error;
      }
    }
    return check(await findOn(client, this.#search), {}, this.#expected);
  }

  async #find(client: Client): Promise<Checked> {
    const checked = await this.#checkAgain(client);
    if (!isSame(this.#expected, checked.identity)) throw this.#mismatchOf(this.member);
    this.setPresent(checked);
    return checked;
  }
}
