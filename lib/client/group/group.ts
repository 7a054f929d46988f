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
import { type FoundObject, findInGroup } from './group-object';
import type { GroupSettings, MemberConfig } from './group-options';
import type { GroupRunOptions } from './group-types';
import { MemberChooser } from './member-chooser';

/** The events of a {@link ClientGroup}, with the names of members. */
export interface GroupEvents {
  /** Emitted when a member gets no operations until it is well again. */
  memberDown: [{ readonly member: string; readonly error: unknown }];
  memberUp: [{ readonly member: string }];
  /** Emitted when a member has another key in place of a key of the group. That key is not used. */
  keyRefused: [{ readonly member: string; readonly error: unknown }];
}

/** The health of a group and its members. */
export interface GroupHealth {
  /** True when at least one member is well. */
  readonly ok: boolean;
  readonly members: readonly MemberHealth[];
}

/** The numbers of a group. */
export interface GroupStatistics {
  /** Operations that succeeded, that failed, and attempts on another member. */
  readonly operations: number;
  readonly errors: number;
  readonly failovers: number;
  readonly members: readonly MemberStatistics[];
  /** Sums of the numbers of all clients. */
  readonly total: Omit<ClientStatistics, 'generation'>;
}

/**
 * Several tokens with the same keys, used as one. Each operation runs on one member and, if that one is lost, on another. A member
 * that fails repeatedly gets no operations until a trial succeeds. connect() returns it.
 */
export class ClientGroup extends EventEmitter<GroupEvents> implements AsyncDisposable {
  /** All members, including those that are not well, in the order of the targets. */
  readonly members: readonly GroupMember[];
  /** @internal */
  readonly settings: GroupSettings;
  readonly #chooser: MemberChooser;
  readonly #numbers = { operations: 0, errors: 0, failovers: 0 };
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(
    configs: readonly MemberConfig[],
    settings: GroupSettings,
    open: (config: MemberConfig, signal: AbortSignal) => Promise<Client>,
  ) {
    super();
    this.settings = settings;
    this.#chooser = new MemberChooser(settings.strategy);
    this.members = configs.map(
      (config) =>
        new GroupMember(config, settings, open, {
          down: ({ name }, error) => this.#emitLater(() => this.emit('memberDown', { member: name, error })),
          up: ({ name }) => this.#emitLater(() => this.emit('memberUp', { member: name })),
        }),
    );
  }

  /** Connects the members. @internal */
  async start(signal?: AbortSignal): Promise<void> {
    const attempts = this.members.map(async (member) => {
      try {
        await withTimeout(member.connect(), this.settings.probeTimeout);
      } catch (error) {
        member.exclude(error);
      }
    });
    await until(Promise.all(attempts), signal);
    const needsAll = this.settings.require === 'all';
    const reached = this.members.filter(({ isWell }) => isWell).length;
    if (reached >= (needsAll ? this.members.length : 1)) return;
    throw this.#noMember(needsAll ? 'not every member can be reached' : 'no member can be reached');
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * Finds the private key with these attributes or this PKCS#11 URI, which must be the same key on all members. Without a
   * selection: the key that each member's own URI names; with 'only': the only private key. Throws for an empty selection, as
   * Client.privateKey does.
   *
   * Keys are the same if they have the same public key: that of the key itself, or of a public key or certificate with its id or
   * label that a trial (a signature, a decryption or a key agreement) proves to belong to it. A key without one is tried with the
   * public key of another member, or with the same operation as there. Keys without a trial, such as those with
   * CKA_ALWAYS_AUTHENTICATE, are the same if they have the same CKA_ID and type, unless public keys beside them differ. A member
   * without the key, or one that returns with another key, is not used for it, and the key is searched there again later.
   * @throws ERR_CRYPTOKI_KEY_MISMATCH when some members have another key; ERR_CRYPTOKI_OBJECT_NOT_FOUND,
   *   ERR_CRYPTOKI_OBJECT_AMBIGUOUS; ERR_CRYPTOKI_NO_MEMBER when none is well; ERR_CRYPTOKI_UNSUPPORTED for HSS and XMSS keys
   *   on several members; TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
   */
  async privateKey(selection?: ClientObjectSelection, options?: OperationOptions): Promise<GroupPrivateKey> {
    return new GroupPrivateKey(await this.#find('PRIVATE_KEY', selection, options));
  }

  /** Finds the public key that is the same on all members; see {@link privateKey}. */
  async publicKey(selection?: ClientObjectSelection, options?: OperationOptions): Promise<GroupPublicKey> {
    return new GroupPublicKey(await this.#find('PUBLIC_KEY', selection, options));
  }

  /**
   * Finds the secret key that is the same on all members; see {@link privateKey}. Values cannot be read, so CKA_ID, CKA_KEY_TYPE and
   * CKA_CHECK_VALUE are compared. Without a check value, a trial compares results of the keys.
   */
  async secretKey(selection?: ClientObjectSelection, options?: OperationOptions): Promise<GroupSecretKey> {
    return new GroupSecretKey(await this.#find('SECRET_KEY', selection, options));
  }

  /** Finds the certificate that is the same on all members; see {@link privateKey}. */
  async certificate(
    selection?: ClientObjectSelection,
    options?: OperationOptions,
  ): Promise<GroupCertificate> {
    return new GroupCertificate(await this.#find('CERTIFICATE', selection, options));
  }

  /** Digests a message on a token; see Session.digest. */
  digest(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Buffer> {
    const [message, { input }] = [copy(data), copyMechanism(algorithm)];
    return withOptions(options, (callerSignal) =>
      this.run({ signal: callerSignal }, (client, signal) => client.digest(input, message, { signal })),
    );
  }

  /** Returns random bytes from a token; see Session.random. */
  random(length: number, options?: OperationOptions): Promise<Buffer> {
    return withOptions(options, (callerSignal) =>
      this.run({ signal: callerSignal }, (client, signal) => client.random(length, { signal })),
    );
  }

  /** Checks all members; see Client.health. Recovers nothing. */
  async health(): Promise<GroupHealth> {
    const members = await Promise.all(this.members.map((member) => member.health()));
    return { ok: members.some(({ ok }) => ok), members };
  }

  statistics(): GroupStatistics {
    const members = this.members.map((member) => member.statistics());
    return { ...this.#numbers, members, total: sum(members) };
  }

  /** Closes all clients; see Client.close. A second call returns the promise of the first. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Runs an operation on one member. If it fails for a reason of the member and is repeatable, runs it on another one.
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
        options.signal?.throwIfAborted(); // again, because a search for candidates can take long
        const untried = candidates.filter((candidate) => candidate.isWell && !tried.has(candidate));
        const member = this.#chooser.choose(untried);
        if (member === undefined) throw this.#finalError(tried, options);
        if (tried.size > 0) this.#numbers.failovers += 1;
        const isRepeatable = options.isRepeatable?.(member) ?? true;
        try {
          const result = await member.run({ signal: options.signal, isRepeatable }, (client, signal) =>
            work(client, signal, member),
          );
          this.#countUnclearFailures(tried);
          this.#numbers.operations += 1;
          return result;
        } catch (error) {
          if (options.signal?.aborted || this.closed) throw error;
          this.#countFailure(member, error, options);
          if (!isRepeatable || reasonOf(error) === 'operation') throw unwrap(error);
          tried.set(member, error);
        }
      }
    } catch (error) {
      this.#numbers.errors += 1;
      throw error;
    }
  }

  /** Reports that a member has another key in place of a key of the group. @internal */
  refused({ name }: GroupMember, error: unknown): void {
    this.#emitLater(() => this.emit('keyRefused', { member: name, error }));
  }

  /** Emits an event after the present step, because an exception of a listener must not end an operation or a recovery. */
  #emitLater(emit: () => void): void {
    queueMicrotask(emit);
  }

  /** Passes a failure to the member and the key. */
  #countFailure(member: GroupMember, error: unknown, options: GroupRunOptions): void {
    const reason = reasonOf(error);
    if (reason === 'operation') return;
    options.failed?.(member, error);
    if (reason === 'member') member.failed(unwrap(error));
  }

  /** Counts unclear failures once another member has succeeded, because then the operation was not their reason. */
  #countUnclearFailures(tried: ReadonlyMap<GroupMember, unknown>): void {
    for (const [member, error] of tried) if (reasonOf(error) === 'unclear') member.failed(error);
  }

  /** Returns the error when no member is left. An error that the operation may have caused goes before others. */
  #finalError(tried: ReadonlyMap<GroupMember, unknown>, { errorOf }: GroupRunOptions): unknown {
    const errors = [...tried.values()];
    for (const reason of ['unclear', 'busy'] as const) {
      const error = errors.find((candidate) => reasonOf(candidate) === reason);
      if (error !== undefined) return error;
    }
    const last = errors.at(-1);
    if (last !== undefined && errors.every((error) => reasonOf(error) === 'key')) return last;
    return this.#noMember('no member of the group can do this', (member) => {
      return tried.get(member) ?? (member.isWell ? errorOf?.(member) : undefined);
    });
  }

  #noMember(detail: string, errorOf: (member: GroupMember) => unknown = () => undefined): unknown {
    return noMember(
      detail,
      this.members.map((member) => ({
        name: member.name,
        error: unwrap(errorOf(member) ?? member.error),
      })),
    );
  }

  async #find(
    objectClass: 'PRIVATE_KEY' | 'PUBLIC_KEY' | 'SECRET_KEY' | 'CERTIFICATE',
    selection: ClientObjectSelection | undefined,
    options?: OperationOptions,
  ): Promise<FoundObject> {
    if (this.closed) throw groupClosed();
    const copied = selection === undefined ? undefined : copySelection(selection, nounOf(objectClass));
    return withOptions(options, async (signal) => {
      signal?.throwIfAborted();
      return findInGroup(this, { objectClass, selection: copied }, { signal });
    });
  }

  async #close(): Promise<void> {
    const results = await Promise.allSettled(this.members.map((member) => member.close()));
    this.removeAllListeners();
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }
}

/** Returns the error of a member in place of a MemberLeft that it has caused. */
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
