import { EventEmitter } from 'node:events';
import { until } from '../../core/deadlines';
import { asyncDispose } from '../../core/realms';
import { copy, copyMechanism } from '../../model/mechanisms/caller-copies';
import type { MechanismInput } from '../../model/mechanisms/mechanism';
import { nounOf } from '../../model/objects/find-objects';
import type { BytesLike } from '../../raw/values';
import type { Client } from '../client';
import type { ClientStatistics, OperationOptions } from '../client-types';
import { withOptions } from '../operations/operation-options';
import { withTimeout } from '../operations/operation-runner';
import { type ClientObjectSelection, copySelection } from '../search-attributes';
import { groupClosed, MemberLeft, noMember, reasonOf } from './failure-reasons';
import { GroupCertificate, GroupPrivateKey, GroupPublicKey, GroupSecretKey } from './group-key';
import { GroupMember, type MemberHealth, type MemberStatistics } from './group-member';
import { type Found, findInGroup } from './group-object';
import type { GroupSettings, MemberPlan } from './group-options';
import type { GroupRunOptions } from './group-types';
import { Chooser } from './member-chooser';

/** What a {@link ClientGroup} tells. Members are called by their names. */
export interface GroupEvents {
  /** It gets no work until it is well again. */
  memberDown: [{ readonly member: string; readonly error: unknown }];
  memberUp: [{ readonly member: string }];
  /** What a member has instead of a key of the group is another key; it is not used. */
  keyRefused: [{ readonly member: string; readonly error: unknown }];
}

/** How a group and its members are. */
export interface GroupHealth {
  /** Whether any member is well. */
  readonly ok: boolean;
  readonly members: readonly MemberHealth[];
}

/** The numbers of a group. */
export interface GroupStatistics {
  /** Operations that ended well, that failed, and tries on another member. */
  readonly operations: number;
  readonly errors: number;
  readonly failovers: number;
  readonly members: readonly MemberStatistics[];
  /** Those of all clients, added up. */
  readonly total: Omit<ClientStatistics, 'generation'>;
}

/**
 * Several tokens with the same keys, as one. Each operation is done by one member; if that one is lost, by another. A member
 * that fails again and again is left alone until it is well again. Made by connect().
 */
export class ClientGroup extends EventEmitter<GroupEvents> implements AsyncDisposable {
  /** All members, well or not, in the order given. */
  readonly members: readonly GroupMember[];
  /** @internal */
  readonly settings: GroupSettings;
  readonly #chooser: Chooser;
  readonly #numbers = { operations: 0, errors: 0, failovers: 0 };
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(
    plans: readonly MemberPlan[],
    settings: GroupSettings,
    open: (plan: MemberPlan, signal: AbortSignal) => Promise<Client>,
  ) {
    super();
    this.settings = settings;
    this.#chooser = new Chooser(settings.strategy);
    this.members = plans.map(
      (plan) =>
        new GroupMember(plan, settings, open, {
          down: ({ name }, error) => this.#tell(() => this.emit('memberDown', { member: name, error })),
          up: ({ name }) => this.#tell(() => this.emit('memberUp', { member: name })),
        }),
    );
  }

  /** Connects the members. @internal */
  async start(signal?: AbortSignal): Promise<void> {
    const attempts = this.members.map(async (member) => {
      try {
        await withTimeout(member.connect(), this.settings.probeTimeout);
      } catch (error) {
        member.leaveAlone(error);
      }
    });
    await until(Promise.all(attempts), signal);
    const enough = this.settings.require === 'all' ? 'every' : 'some';
    if (this.members[enough](({ isWell }) => isWell)) return;
    throw this.#noMember(enough === 'some' ? 'no member can be reached' : 'not every member can be reached');
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * The private key with these attributes, or of this PKCS#11 URI, that is the same on all members; left out, the one that
   * each member's own URI names; with 'only', the only one. What says nothing is refused, as by Client.privateKey.
   *
   * The same means the same public key: that of the key itself, or of a public key or certificate with its id or label that a
   * trial (a signature, a decryption or a key agreement) proves to belong to it. A key without one is tried with that of
   * another member, or by doing the same as there. Keys that cannot be tried, such as those with CKA_ALWAYS_AUTHENTICATE, are
   * the same if CKA_ID and type are, and no public key beside them says otherwise. A member without the key is left out, and
   * asked again later; so is one that comes back with another key.
   * @throws ERR_CRYPTOKI_KEY_MISMATCH when it is another key on some members; ERR_CRYPTOKI_OBJECT_NOT_FOUND,
   *   ERR_CRYPTOKI_OBJECT_AMBIGUOUS; ERR_CRYPTOKI_NO_MEMBER when none is well; ERR_CRYPTOKI_UNSUPPORTED for HSS and XMSS keys
   *   on several members
   */
  async privateKey(which?: ClientObjectSelection, options?: OperationOptions): Promise<GroupPrivateKey> {
    return new GroupPrivateKey(await this.#find('PRIVATE_KEY', which, options));
  }

  /** The same public key; see {@link privateKey}. */
  async publicKey(which?: ClientObjectSelection, options?: OperationOptions): Promise<GroupPublicKey> {
    return new GroupPublicKey(await this.#find('PUBLIC_KEY', which, options));
  }

  /**
   * The same secret key; see {@link privateKey}. Its value cannot be read: it is the same if CKA_ID, CKA_KEY_TYPE and
   * CKA_CHECK_VALUE are; where there is no check value, a trial compares what the keys do.
   */
  async secretKey(which?: ClientObjectSelection, options?: OperationOptions): Promise<GroupSecretKey> {
    return new GroupSecretKey(await this.#find('SECRET_KEY', which, options));
  }

  /** The same certificate; see {@link privateKey}. */
  async certificate(which?: ClientObjectSelection, options?: OperationOptions): Promise<GroupCertificate> {
    return new GroupCertificate(await this.#find('CERTIFICATE', which, options));
  }

  /** Digests a message on a token; see Session.digest. */
  digest(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Buffer> {
    const [message, { input }] = [copy(data), copyMechanism(algorithm)];
    return withOptions(options, (its) =>
      this.run({ signal: its }, (client, signal) => client.digest(input, message, { signal })),
    );
  }

  /** Random bytes of a token; see Session.random. */
  random(length: number, options?: OperationOptions): Promise<Buffer> {
    return withOptions(options, (its) =>
      this.run({ signal: its }, (client, signal) => client.random(length, { signal })),
    );
  }

  /** Asks all members how they are, without repairing anything. */
  async health(): Promise<GroupHealth> {
    const members = await Promise.all(this.members.map((member) => member.health()));
    return { ok: members.some(({ ok }) => ok), members };
  }

  statistics(): GroupStatistics {
    const members = this.members.map((member) => member.statistics());
    return { ...this.#numbers, members, total: sum(members) };
  }

  /** Ends all clients; see Client.close. A second call returns the promise of the first. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Does an operation on one member, and, if that fails for a reason of the member and it may be done again, on another.
   * @internal
   */
  async run<T>(
    options: GroupRunOptions,
    work: (client: Client, signal: AbortSignal | undefined, member: GroupMember) => Promise<T>,
  ): Promise<T> {
    const tried = new Map<GroupMember, unknown>();
    try {
      for (;;) {
        if (this.closed) throw groupClosed();
        options.signal?.throwIfAborted();
        const candidates = (await options.candidates?.()) ?? this.members;
        options.signal?.throwIfAborted(); // that may have taken a while
        const member = this.#chooser.choose(candidates.filter((one) => one.isWell && !tried.has(one)));
        if (member === undefined) throw this.#given(tried, options);
        if (tried.size > 0) this.#numbers.failovers += 1;
        const isRepeatable = options.isRepeatable?.(member) ?? true;
        try {
          const result = await member.run({ signal: options.signal, isRepeatable }, (client, signal) =>
            work(client, signal, member),
          );
          this.#blame(tried);
          this.#numbers.operations += 1;
          return result;
        } catch (error) {
          if (options.signal?.aborted || this.closed) throw error;
          this.#judge(member, error, options);
          if (!isRepeatable || reasonOf(error) === 'operation') throw unwrap(error);
          tried.set(member, error);
        }
      }
    } catch (error) {
      this.#numbers.errors += 1;
      throw error;
    }
  }

  /** A key of the group is another one on this member. @internal */
  refused({ name }: GroupMember, error: unknown): void {
    this.#tell(() => this.emit('keyRefused', { member: name, error }));
  }

  /** Emits an event, but not while operations and recoveries are in the middle of something: a listener may throw. */
  #tell(emit: () => void): void {
    queueMicrotask(emit);
  }

  /** Tells member and key of a failure. */
  #judge(member: GroupMember, error: unknown, options: GroupRunOptions): void {
    const reason = reasonOf(error);
    if (reason === 'operation') return;
    options.failed?.(member, error);
    if (reason === 'member') member.failed(unwrap(error));
  }

  /** Another member has done it: what was unclear was not the operation's fault. */
  #blame(tried: ReadonlyMap<GroupMember, unknown>): void {
    for (const [member, error] of tried) if (reasonOf(error) === 'unclear') member.failed(error);
  }

  /** The error when no member is left. What may be a reason of the operation goes before what is not. */
  #given(tried: ReadonlyMap<GroupMember, unknown>, { errorOf }: GroupRunOptions): unknown {
    const errors = [...tried.values()];
    for (const reason of ['unclear', 'busy'] as const) {
      const error = errors.find((one) => reasonOf(one) === reason);
      if (error !== undefined) return error;
    }
    const last = errors.at(-1);
    if (last !== undefined && errors.every((error) => reasonOf(error) === 'key')) return last;
    return this.#noMember('no member of the group can do this', (member) => {
      return tried.get(member) ?? (member.isWell ? errorOf?.(member) : undefined);
    });
  }

  #noMember(what: string, errorOf: (member: GroupMember) => unknown = () => undefined): unknown {
    return noMember(
      what,
      this.members.map((member) => ({
        name: member.name,
        error: unwrap(errorOf(member) ?? member.error),
      })),
    );
  }

  async #find(
    objectClass: 'PRIVATE_KEY' | 'PUBLIC_KEY' | 'SECRET_KEY' | 'CERTIFICATE',
    which: ClientObjectSelection | undefined,
    options?: OperationOptions,
  ): Promise<Found> {
    if (this.closed) throw groupClosed();
    const own = which === undefined ? undefined : copySelection(which, nounOf(objectClass));
    return withOptions(options, async (signal) => {
      signal?.throwIfAborted();
      return findInGroup(this, { objectClass, which: own }, { signal });
    });
  }

  async #close(): Promise<void> {
    const ends = await Promise.allSettled(this.members.map((member) => member.close()));
    this.removeAllListeners();
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  }
}

/** What an operation that was left to others was left for. */
function unwrap(error: unknown): unknown {
  return error instanceof MemberLeft ? error.cause : error;
}

function sum(members: readonly MemberStatistics[]): GroupStatistics['total'] {
  const total = {
    ...{
      open: 0,
      idle: 0,
      lent: 0,
      pinned: 0,
      hung: 0,
      waiting: 0,
      max: 0,
      opened: 0,
      closed: 0,
      givenUp: 0,
      waits: 0,
      refused: 0,
    },
    ...{ operations: 0, errors: 0, retries: 0, logins: 0, recoveries: 0 },
  };
  for (const { client } of members) {
    if (client === undefined) continue;
    for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += client[name];
  }
  return total;
}
