import { until } from '../../core/deadlines';
import { CryptokiError, isCode } from '../../core/errors';
import { copyMechanism } from '../../model/mechanisms/caller-copies';
import type { MechanismInput } from '../../model/mechanisms/mechanism';
import type { KeyType, ObjectClass } from '../../model/objects/identity';
import type { Client } from '../client';
import type { OperationOptions } from '../client-types';
import type { ClientObject } from '../objects/client-object';
import { STATEFUL } from '../objects/object-identity';
import { withOptions } from '../operations/operation-options';
import { codeOf, noMember, reasonOf } from './failure-reasons';
import type { GroupMember } from './group-member';
import type { ObjectGroup } from './group-types';
import { type Identity, isSame, mismatch } from './key-identity';
import { type Checked, check, findAndCheck, Holding, type Search } from './member-key';

/** What a group gives the objects it finds. */
export interface Found {
  readonly group: ObjectGroup;
  readonly first: ClientObject;
  readonly holdings: readonly Holding[];
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
  readonly #holdings: readonly Holding[];

  /** @internal */
  constructor({ group, first, holdings }: Found) {
    this.#group = group;
    this.class = first.class;
    this.label = first.label;
    this.id = first.id;
    this.keyType = first.keyType;
    this.#holdings = holdings;
  }

  /** Names of the members that have it, as far as is known; whether they are well is another matter. */
  get members(): string[] {
    return this.#holdings.filter(({ isThere }) => isThere).map(({ member }) => member.name);
  }

  /** Does something with the object on one member. @internal */
  protected operate<T>(
    options: OperationOptions | undefined,
    work: (object: ClientObject, options: OperationOptions) => Promise<T>,
  ): Promise<T> {
    return withOptions(options, (signal) => this.#operate(signal, work));
  }

  #operate<T>(
    its: AbortSignal | undefined,
    work: (object: ClientObject, options: OperationOptions) => Promise<T>,
  ): Promise<T> {
    return this.#group.run(
      {
        signal: its,
        isRepeatable: (member) => !isStateful(this) && !this.#holding(member).alwaysAuthenticates,
        candidates: () => this.#candidates(),
        failed: (member, error) => this.#failed(member, error),
        errorOf: (member) => this.#holdings.find((holding) => holding.member === member)?.error,
      },
      async (client, signal, member) => {
        const holding = this.#holding(member);
        const checked = holding.current(client) ?? (await until(holding.look(client), signal));
        const result = await work(checked.object, { signal }).catch(async (error) => {
          if (!isCode(error, 'ERR_CRYPTOKI_OBJECT_NOT_FOUND')) throw error;
          // It was lost and is not there any more. What has its name now is compared like any other.
          const other = await until(holding.look(client), signal);
          return work(other.object, { signal });
        });
        // If the client has recovered meanwhile, it could have been another key with the same label.
        if (client.generation !== checked.generation) await until(holding.look(client), signal);
        return result;
      },
    );
  }

  /** {@link operate} with a mechanism, as it is at the call. @internal */
  protected async operateWith<T>(
    algorithm: MechanismInput,
    options: OperationOptions | undefined,
    work: (object: ClientObject, mechanism: MechanismInput, options: OperationOptions) => Promise<T>,
  ): Promise<T> {
    const { input, handBack } = copyMechanism(algorithm);
    const result = await this.operate(options, (object, its) => work(object, input, its));
    handBack?.();
    return result;
  }

  #holding(member: GroupMember): Holding {
    return this.#holdings.find((holding) => holding.member === member) as Holding;
  }

  /** Members that have the object. Those that did not are asked again when it is time; only if need be this is waited for. */
  #candidates(): GroupMember[] | Promise<GroupMember[]> {
    const looking = this.#holdings.filter(({ isDue }) => isDue).map((holding) => this.#lookAgain(holding));
    const there = (): GroupMember[] =>
      this.#holdings.filter(({ isThere }) => isThere).map(({ member }) => member);
    const isUsable = there().some(({ isWell }) => isWell);
    return isUsable || looking.length === 0 ? there() : Promise.allSettled(looking).then(there);
  }

  async #lookAgain(holding: Holding): Promise<void> {
    const { member } = holding;
    try {
      await member.run({ isRepeatable: true }, (client, signal) => until(holding.look(client), signal));
    } catch (error) {
      this.#failed(member, error);
      if (reasonOf(error) === 'member') member.failed(error);
    }
  }

  #failed(member: GroupMember, error: unknown): void {
    const holding = this.#holding(member);
    if (reasonOf(error) === 'key') {
      holding.lacks(error, this.#group.settings.lookAgain);
      if (error instanceof CryptokiError && error.code === 'ERR_CRYPTOKI_KEY_MISMATCH') {
        this.#group.refused(member, error);
      }
    } else if (!holding.isThere) {
      holding.lacks(error, this.#group.settings.lookAgain);
    }
  }
}

/** Each signature of such a key uses it up a little. */
function isStateful(object: { class: ObjectClass | undefined; keyType: KeyType | undefined }): boolean {
  return object.class === 'PRIVATE_KEY' && STATEFUL.includes(String(object.keyType));
}

/** An answer of one member to a search. */
interface Answer {
  readonly member: GroupMember;
  readonly checked?: Checked;
  readonly error?: unknown;
}

/**
 * Finds an object on all members that are well.
 * @throws ERR_CRYPTOKI_OBJECT_NOT_FOUND, ERR_CRYPTOKI_OBJECT_AMBIGUOUS, ERR_CRYPTOKI_KEY_MISMATCH, ERR_CRYPTOKI_NO_MEMBER
 */
export async function findInGroup(
  group: ObjectGroup,
  search: Search,
  options: OperationOptions,
): Promise<Found> {
  const found = await Promise.all(group.members.map((member) => ask(member, search, options)));
  options.signal?.throwIfAborted();
  const expected = strongest(found);
  const answers = await Promise.all(found.map((answer) => compare(answer, expected, options)));
  options.signal?.throwIfAborted();
  const having = answers.filter((answer) => answer.checked !== undefined);
  const first = having[0]?.checked;
  if (first === undefined || expected === undefined) throw notFound(answers);
  const [same, others] = [true, false].map((wanted) =>
    having
      .filter(({ checked }) => checked && isSame(expected, checked.identity) === wanted)
      .map(({ member }) => member.name),
  );
  if (same && others && others.length > 0) throw mismatch(others, same);
  if (having.length > 1 && isStateful(first.object)) {
    throw new CryptokiError({
      code: 'ERR_CRYPTOKI_UNSUPPORTED',
      detail: `a ${String(first.object.keyType)} key on several tokens would use its one-time keys twice, which gives them away; use it on one token only`,
    });
  }
  const names = same ?? [];
  // A second token with such a key is not even looked for.
  const asked = isStateful(first.object) ? having : answers;
  const holdings = asked.map(({ member, checked, error }) => {
    const holding = new Holding(member, search, expected, (its) => mismatch([its.name], names));
    if (checked) holding.has(checked);
    else holding.lacks(error, group.settings.lookAgain);
    return holding;
  });
  return { group, first: first.object, holdings };
}

/** What the others are compared with: a public key if one can be had, else a check value. */
function strongest(answers: readonly Answer[]): Identity | undefined {
  const all = answers.flatMap(({ checked }) => (checked ? [checked.identity] : []));
  const best =
    all.find(({ value }) => value !== undefined) ??
    all.find(({ checkValue }) => checkValue) ??
    all.find(({ fingerprint }) => fingerprint);
  return best ?? all[0];
}

/** Compares a key that tells nothing of itself with the one that tells most. */
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
    const isAmbiguous = error instanceof CryptokiError && error.code === 'ERR_CRYPTOKI_OBJECT_AMBIGUOUS';
    if (reason === 'operation' || isAmbiguous) throw error;
    if (reason === 'member' || reason === 'unclear') member.failed(error);
    return { member, error };
  }
}

function notFound(answers: readonly Answer[]): unknown {
  const missing = answers.filter(({ error }) => reasonOf(error) === 'key');
  if (missing.length === 0) {
    const each = answers.map(({ member, error }) => ({ name: member.name, error: error ?? member.error }));
    return noMember('no member of the group could be asked', each);
  }
  const each = answers.map(({ member, error }) => `"${member.name}": ${codeOf(error)}`).join(', ');
  return new CryptokiError({
    code: 'ERR_CRYPTOKI_OBJECT_NOT_FOUND',
    detail: `no member of the group that is well has it (${each})`,
    cause: missing[0]?.error,
  });
}
