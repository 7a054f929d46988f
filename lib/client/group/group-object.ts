import { until } from '../../core/deadlines';
import { type CryptokiError, isCode, ownError } from '../../core/errors';
import { afterwards, copy, copyMechanism } from '../../model/mechanisms/caller-copies';
import type { MechanismInput } from '../../model/mechanisms/mechanism';
import type { KeyType, ObjectClass } from '../../model/objects/identity';
import type { BytesLike } from '../../raw/values';
import type { Client } from '../client';
import type { OperationOptions } from '../client-types';
import type { ClientKey } from '../objects/client-key';
import type { ClientObject } from '../objects/client-object';
import type { KeyOperation } from '../objects/key-operations';
import { STATEFUL } from '../objects/object-identity';
import { withOptions } from '../operations/operation-options';
import { listFailures, noMember, reasonOf } from './failure-reasons';
import type { GroupMember } from './group-member';
import type { ObjectGroup } from './group-types';
import { type Identity, isSame, mismatch } from './key-identity';
import { type Checked, check, findAndCheck, MemberKey, type Search } from './member-key';

/** The result of a search in a group. */
export interface FoundObject {
  readonly group: ObjectGroup;
  readonly first: ClientObject;
  readonly memberKeys: readonly MemberKey[];
}

/** The same object on several tokens. */
export class GroupObject {
  readonly #group: ObjectGroup;
  readonly class: ObjectClass | undefined;
  /** CKA_LABEL on the first member that had it. */
  readonly label: string | undefined;
  /** CKA_ID on the first member that had it. */
  readonly id: Buffer | undefined;
  /** CKA_KEY_TYPE, of keys. */
  readonly keyType: KeyType | undefined;
  readonly #memberKeys: readonly MemberKey[];

  /** @internal */
  constructor({ group, first, memberKeys }: FoundObject) {
    this.#group = group;
    this.class = first.class;
    this.label = first.label;
    this.id = first.id;
    this.keyType = first.keyType;
    this.#memberKeys = memberKeys;
  }

  /** Names of the members that are known to have the object, including members that are not well. */
  get members(): string[] {
    return this.#membersWithKey().map((member) => member.name);
  }

  #membersWithKey(): GroupMember[] {
    return this.#memberKeys.filter(({ isPresent }) => isPresent).map(({ member }) => member);
  }

  /** Runs `work` with the object on one member. @internal */
  protected onMember<T>(
    options: OperationOptions | undefined,
    work: (object: ClientObject, options: OperationOptions) => Promise<T>,
  ): Promise<T> {
    return withOptions(options, (signal) => this.#onMember(signal, work));
  }

  #onMember<T>(
    callerSignal: AbortSignal | undefined,
    work: (object: ClientObject, options: OperationOptions) => Promise<T>,
  ): Promise<T> {
    return this.#group.run(
      {
        signal: callerSignal,
        isRepeatable: (member) => !isStateful(this) && !this.#keyOf(member).alwaysAuthenticates,
        candidates: () => this.#candidates(),
        failed: (member, error) => this.#failed(member, error),
        errorOf: (member) => this.#memberKeys.find((key) => key.member === member)?.error,
      },
      async (client, signal, member) => {
        const memberKey = this.#keyOf(member);
        const checked = memberKey.current(client) ?? (await until(memberKey.find(client), signal));
        const result = await work(checked.object, { signal }).catch(async (error) => {
          if (!isCode(error, 'ERR_CRYPTOKI_OBJECT_NOT_FOUND')) throw error;
          // The object does not exist any more. An object that has its name now is compared.
          const other = await until(memberKey.find(client), signal);
          return work(other.object, { signal });
        });
        // If the client has recovered meanwhile, the operation may have used another key with the same label.
        if (client.generation !== checked.generation) await until(memberKey.find(client), signal);
        return result;
      },
    );
  }

  /** See OperatingKey. @internal */
  operate<T>(
    operation: KeyOperation,
    algorithm: MechanismInput,
    inputs: readonly (BytesLike | number | null)[],
    options: OperationOptions | undefined,
  ): Promise<T> {
    const copies = inputs.map((input) => copy(input as BytesLike));
    const { input, handBack } = copyMechanism(algorithm);
    const result = this.onMember<T>(options, (key, memberOptions) =>
      (key as ClientKey).operate(operation, input, copies, memberOptions),
    );
    return handBack === undefined ? result : result.then(afterwards(handBack));
  }

  #keyOf(member: GroupMember): MemberKey {
    return this.#memberKeys.find((key) => key.member === member) as MemberKey;
  }

  /**
   * Returns the members that have the object. Searches it again on members that did not have it, when that is due; waits for
   * these searches only if no other member can be used.
   */
  #candidates(): GroupMember[] | Promise<GroupMember[]> {
    const searches = this.#memberKeys.filter(({ isDue }) => isDue).map((key) => this.#searchAgain(key));
    const members = this.#membersWithKey();
    const isUsable = members.some(({ isWell }) => isWell);
    if (isUsable || searches.length === 0) return members;
    return Promise.allSettled(searches).then(() => this.#membersWithKey());
  }

  async #searchAgain(memberKey: MemberKey): Promise<void> {
    const { member } = memberKey;
    try {
      await member.run({ isRepeatable: true }, (client, signal) => until(memberKey.find(client), signal));
    } catch (error) {
      this.#failed(member, error);
      if (reasonOf(error) === 'member') member.failed(error);
    }
  }

  #failed(member: GroupMember, error: unknown): void {
    const memberKey = this.#keyOf(member);
    const isAboutKey = reasonOf(error) === 'key';
    if (isAboutKey || !memberKey.isPresent) {
      memberKey.setMissing(error, this.#group.settings.retryMissingKeyAfter);
    }
    if (isAboutKey && isCode(error, 'ERR_CRYPTOKI_KEY_MISMATCH')) this.#group.refused(member, error);
  }
}

/** Returns true for a private key with a limited number of signatures. */
function isStateful(object: { class: ObjectClass | undefined; keyType: KeyType | undefined }): boolean {
  return object.class === 'PRIVATE_KEY' && STATEFUL.includes(String(object.keyType));
}

/** The answer of one member to a search. */
interface Answer {
  readonly member: GroupMember;
  readonly checked?: Checked;
  readonly error?: unknown;
}

/**
 * Finds an object on all members that are well, and compares what they have.
 * @throws ERR_CRYPTOKI_OBJECT_NOT_FOUND, ERR_CRYPTOKI_OBJECT_AMBIGUOUS, ERR_CRYPTOKI_KEY_MISMATCH, ERR_CRYPTOKI_NO_MEMBER
 */
export async function findInGroup(
  group: ObjectGroup,
  search: Search,
  options: OperationOptions,
): Promise<FoundObject> {
  const found = await Promise.all(group.members.map((member) => ask(member, search, options)));
  options.signal?.throwIfAborted();
  const expected = strongest(found);
  const answers = await Promise.all(found.map((answer) => compare(answer, expected, options)));
  options.signal?.throwIfAborted();
  const hits = answers.filter((answer) => answer.checked !== undefined);
  const first = hits[0]?.checked;
  if (first === undefined || expected === undefined) throw notFound(answers);
  const namesOf = (isEqual: boolean): string[] =>
    hits
      .filter(({ checked }) => checked && isSame(expected, checked.identity) === isEqual)
      .map(({ member }) => member.name);
  const [equal, different] = [namesOf(true), namesOf(false)];
  if (different.length > 0) throw mismatch(different, equal);
  if (hits.length > 1 && isStateful(first.object)) {
    throw ownError(
      'ERR_CRYPTOKI_UNSUPPORTED',
      `a ${String(first.object.keyType)} key on several tokens would use its one-time keys twice, which reveals them; use it on one token only`,
    );
  }
  // A stateful key is not searched on further tokens.
  const searched = isStateful(first.object) ? hits : answers;
  const memberKeys = searched.map(({ member, checked, error }) => {
    const memberKey = new MemberKey(member, search, expected, ({ name }) => mismatch([name], equal));
    if (checked) memberKey.setPresent(checked);
    else memberKey.setMissing(error, group.settings.retryMissingKeyAfter);
    return memberKey;
  });
  return { group, first: first.object, memberKeys };
}

/** Returns the identity with the best proof, for the comparison: a public key, else a check value, else a fingerprint. */
function strongest(answers: readonly Answer[]): Identity | undefined {
  const all = answers.flatMap(({ checked }) => (checked ? [checked.identity] : []));
  const best =
    all.find(({ value }) => value !== undefined) ??
    all.find(({ checkValue }) => checkValue) ??
    all.find(({ fingerprint }) => fingerprint);
  return best ?? all[0];
}

/** Compares a key without a readable identity with the strongest identity, by a trial. */
async function compare(
  answer: Answer,
  expected: Identity | undefined,
  options: OperationOptions,
): Promise<Answer> {
  const { member, checked } = answer;
  if (expected === undefined || checked === undefined || checked.identity === expected) return answer;
  return answered(member, options, (_, signal) => check(checked.object, { signal }, expected));
}

async function ask(member: GroupMember, search: Search, options: OperationOptions): Promise<Answer> {
  if (!member.isWell) return { member, error: member.error };
  return answered(member, options, (client, signal) => findAndCheck(client, search, { signal }));
}

async function answered(
  member: GroupMember,
  options: OperationOptions,
  work: (client: Client, signal: AbortSignal | undefined) => Promise<Checked>,
): Promise<Answer> {
  try {
    const checked = await member.run({ ...options, isRepeatable: true }, (client, signal) =>
      until(work(client, signal), signal),
    );
    return { member, checked };
  } catch (error) {
    options.signal?.throwIfAborted();
    const reason = reasonOf(error);
    if (reason === 'operation' || isCode(error, 'ERR_CRYPTOKI_OBJECT_AMBIGUOUS')) throw error;
    if (reason === 'member' || reason === 'unclear') member.failed(error);
    return { member, error };
  }
}

function notFound(answers: readonly Answer[]): CryptokiError {
  const missing = answers.filter(({ error }) => reasonOf(error) === 'key');
  const failures = answers.map(({ member, error }) => ({
    name: member.name,
    error: error ?? member.error,
  }));
  if (missing.length === 0) return noMember('the object cannot be searched on any member', failures);
  return ownError(
    'ERR_CRYPTOKI_OBJECT_NOT_FOUND',
    `no member of the group that is well has the object (${listFailures(failures)}); check the attributes of the search`,
    { cause: missing[0]?.error },
  );
}
