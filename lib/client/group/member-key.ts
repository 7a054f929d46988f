import { CryptokiError, isCode } from '../../core/errors';
import type { ObjectClass } from '../../model/objects/identity';
import type { Client } from '../client';
import type { OperationOptions } from '../client-types';
import type { ClientObject } from '../objects/client-object';
import type { ClientObjectSelection } from '../search-attributes';
import type { GroupMember } from './group-member';
import { comparedWith, type Identity, identityOf, isSame } from './key-identity';

/** What a key of a group is searched by. */
export interface Search {
  readonly objectClass: ObjectClass;
  readonly which: ClientObjectSelection | undefined;
}

/** Finds the object on one member. */
function findOn(
  client: Client,
  { objectClass, which }: Search,
  options?: OperationOptions,
): Promise<ClientObject> {
  if (objectClass === 'PRIVATE_KEY') return client.privateKey(which, options);
  if (objectClass === 'PUBLIC_KEY') return client.publicKey(which, options);
  if (objectClass === 'SECRET_KEY') return client.secretKey(which, options);
  return client.certificate(which, options);
}

/** An object that has been compared, and since when nothing has happened that could have made it another one. */
export interface Checked {
  readonly object: ClientObject;
  readonly identity: Identity;
  readonly generation: number;
}

/** Times an object is read again when the client recovers meanwhile. */
const TRIES = 5;

/** Reads what an object is known by, in one generation of the client. @param expected what it is to be compared with */
export async function check(
  object: ClientObject,
  options: OperationOptions,
  expected?: Identity,
): Promise<Checked> {
  const { client } = object;
  for (let i = 0; i < TRIES; i += 1) {
    const { generation } = client;
    const its = await identityOf(object, options);
    const identity = expected === undefined ? its : await comparedWith(expected, object, its, options);
    if (generation === client.generation) return { object, identity, generation };
  }
  throw new CryptokiError({
    code: 'ERR_CRYPTOKI_OBJECT_DEAD',
    detail: 'the token is lost again and again while the key is compared',
  });
}

/** Finds the object on one member and reads what it is known by. */
export async function findAndCheck(
  client: Client,
  search: Search,
  options: OperationOptions,
): Promise<Checked> {
  return check(await findOn(client, search, options), options);
}

/**
 * One member's copy of a key. It is compared with the others' before it is used, and again whenever the member's sessions
 * were lost: what is found then could be another key with the same label.
 */
export class Holding {
  readonly member: GroupMember;
  readonly #search: Search;
  readonly #refuse: (member: GroupMember) => CryptokiError;
  readonly #expected: Identity;
  #checked: Checked | undefined;
  #looking: Promise<Checked> | undefined;
  #lookAt = 0;
  #comebacks: number;
  /** Why there is none. */
  error: unknown;

  constructor(
    member: GroupMember,
    search: Search,
    expected: Identity,
    refuse: (member: GroupMember) => CryptokiError,
  ) {
    this.member = member;
    this.#search = search;
    this.#expected = expected;
    this.#refuse = refuse;
    this.#comebacks = member.comebacks;
  }

  /** Whether the member has the key, as far as is known. */
  get isThere(): boolean {
    return this.#checked !== undefined;
  }

  /** Whether it is time to look for it again: after a while, and at once when the member has come back. */
  get isDue(): boolean {
    if (this.isThere || this.#looking !== undefined || !this.member.isWell) return false;
    return performance.now() >= this.#lookAt || this.#comebacks !== this.member.comebacks;
  }

  /** Does it always ask for a PIN? Not known of one that is not there. */
  get alwaysAuthenticates(): boolean {
    return this.#checked?.identity.alwaysAuthenticates ?? false;
  }

  has(checked: Checked): void {
    this.#checked = checked;
    this.error = undefined;
  }

  /** The member does not have it; it is asked again after `pause` milliseconds. */
  lacks(error: unknown, pause: number): void {
    this.#checked = undefined;
    this.error = error;
    this.#lookAt = performance.now() + pause;
    this.#comebacks = this.member.comebacks;
  }

  /** The object, if nothing has happened since it was compared. */
  current(client: Client): Checked | undefined {
    const checked = this.#checked;
    const isCurrent = checked?.object.client === client && checked.generation === client.generation;
    return isCurrent ? checked : undefined;
  }

  /** Finds or reads the object again and compares it. All who ask share it, so no signal of one of them ends it. */
  look(client: Client): Promise<Checked> {
    this.#looking ??= this.#look(client).finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** The object as it was, or whatever has taken its place. */
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

  async #look(client: Client): Promise<Checked> {
    const checked = await this.#checkAgain(client);
    if (!isSame(this.#expected, checked.identity)) throw this.#refuse(this.member);
    this.has(checked);
    return checked;
  }
}
