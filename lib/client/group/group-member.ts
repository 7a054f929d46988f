import { LONGEST_TIMER_MS } from '../../core/deadlines';
import { ownError } from '../../core/errors';
import type { Client } from '../client';
import type { ClientStatistics, Health } from '../client-types';
import { wipe } from '../connection/login-keeper';
import { withTimeout } from '../operations/operation-runner';
import { type BreakerState, CircuitBreaker } from './circuit-breaker';
import { groupClosed, MemberLeft } from './failure-reasons';
import type { GroupSettings, MemberConfig } from './group-options';

/** The health of a member. */
export interface MemberHealth extends Health {
  readonly name: string;
  /** 'closed': it gets operations; 'open': it gets none; 'halfOpen': a trial is running. */
  readonly state: BreakerState;
}

/** The numbers of a member. */
export interface MemberStatistics {
  readonly name: string;
  readonly state: BreakerState;
  /** Operations of the group that run on it, that have succeeded on it, and that have failed because of it. */
  readonly inFlight: number;
  readonly operations: number;
  readonly failures: number;
  /** Number of times that its breaker has opened. */
  readonly opened: number;
  /** Undefined while it is not connected. */
  readonly client: ClientStatistics | undefined;
}

/** Callbacks of a {@link GroupMember}. */
export interface MemberListener {
  down(member: GroupMember, error: unknown): void;
  up(member: GroupMember): void;
}

/** Number of operations after which the mean time of a member is used, because the first ones find and prove keys. */
const LEAST_MEASUREMENTS = 3;

/** A token of a group: its client, and a breaker that keeps operations away from it after failures. */
export class GroupMember {
  readonly name: string;
  readonly #config: MemberConfig;
  readonly #settings: GroupSettings;
  readonly #open: (config: MemberConfig, signal: AbortSignal) => Promise<Client>;
  readonly #breaker: CircuitBreaker;
  readonly #ending = new AbortController();
  /** Controllers that end the wait of repeatable operations on this member, so that they move to another one. */
  readonly #leavers = new Set<AbortController>();
  #client: Client | undefined;
  #connecting: Promise<Client> | undefined;
  /** Set during a recovery of the client: the timer of its limit, or true without a limit. */
  #recovering: NodeJS.Timeout | true | undefined;
  /** True when the client has not recovered in time. */
  #isLost = false;
  readonly #numbers = { inFlight: 0, operations: 0, failures: 0 };
  /** Begin of the operations in flight, oldest first, in the time of performance.now(). */
  readonly #begins = new Set<{ readonly at: number }>();
  /** Mean time of an operation on this member, in milliseconds. */
  #meanTime = 0;
  /** Number of operations in the mean. */
  #measurements = 0;
  /** Number of recoveries and comebacks. The time of an operation is not used if one happened during it. */
  #interruptions = 0;
  /** Number of times that the member has become well again. @internal */
  comebacks = 0;

  /** @internal */
  constructor(
    config: MemberConfig,
    settings: GroupSettings,
    open: (config: MemberConfig, signal: AbortSignal) => Promise<Client>,
    listener: MemberListener,
  ) {
    this.name = config.name;
    this.#config = config;
    this.#settings = settings;
    this.#open = open;
    this.#breaker = new CircuitBreaker(settings.breaker, () => this.#probe(), {
      opened: (error) => {
        const left = new MemberLeft('the member went down', { cause: error });
        for (const leaver of this.#leavers) leaver.abort(left);
        listener.down(this, error);
      },
      closed: () => {
        this.#forgetTime();
        this.comebacks += 1;
        listener.up(this);
      },
    });
  }

  /** Its client; undefined while it is not connected. The group closes it. */
  get client(): Client | undefined {
    return this.#client;
  }

  get state(): BreakerState {
    return this.#breaker.state;
  }

  /** The error that has opened its breaker, or its last failure. */
  get error(): unknown {
    return this.#breaker.error;
  }

  /** True when it gets operations: it is connected and its breaker is closed. */
  get isWell(): boolean {
    return this.#client !== undefined && this.#breaker.state === 'closed';
  }

  /** True during a recovery of its client, when other members are preferred. */
  get isRecovering(): boolean {
    return this.#recovering !== undefined;
  }

  /** Number of operations of the group that run on it. */
  get inFlight(): number {
    return this.#numbers.inFlight;
  }

  /**
   * Returns the expected time of an operation on this member, in milliseconds: the mean of the last ones, or the age of the
   * oldest one in flight, if that is more. 0 when it is not known.
   * @param now the time of performance.now()
   * @internal
   */
  expectedTime(now: number): number {
    const [oldest] = this.#begins;
    const usual = this.#measurements < LEAST_MEASUREMENTS ? 0 : this.#meanTime;
    return Math.max(usual, oldest === undefined ? 0 : now - oldest.at);
  }

  /** Connects; only one attempt runs at a time. An attempt that nobody waits for any more continues. @internal */
  connect(): Promise<Client> {
    if (this.#client) return Promise.resolve(this.#client);
    this.#connecting ??= this.#open(this.#config, this.#ending.signal)
      .then((client) => this.#adopt(client))
      .finally(() => {
        this.#connecting = undefined;
      });
    return this.#connecting;
  }

  /**
   * Runs an operation. A repeatable one ends with MemberLeft as soon as the member goes down, by the signal that `work` receives,
   * so that another member can do it.
   * @internal
   */
  async run<T>(
    options: { readonly signal?: AbortSignal | undefined; readonly isRepeatable: boolean },
    work: (client: Client, signal: AbortSignal | undefined) => Promise<T>,
  ): Promise<T> {
    const client = this.#client;
    if (client === undefined) throw new MemberLeft('the member is not connected', { cause: this.error });
    const { signal, isRepeatable } = options;
    const leaving = isRepeatable ? new AbortController() : undefined;
    const abort = (): void => leaving?.abort(signal?.reason);
    if (leaving) {
      signal?.addEventListener('abort', abort, { once: true });
      this.#leavers.add(leaving);
    }
    this.#numbers.inFlight += 1;
    const begin = { at: performance.now() };
    const interruptions = this.#interruptions;
    this.#begins.add(begin);
    try {
      const result = await work(client, leaving?.signal ?? signal);
      this.#numbers.operations += 1;
      if (interruptions === this.#interruptions) this.#addTime(performance.now() - begin.at);
      this.#breaker.succeeded();
      return result;
    } catch (error) {
      throw leaving?.signal.aborted ? leaving.signal.reason : error;
    } finally {
      this.#begins.delete(begin);
      this.#numbers.inFlight -= 1;
      if (leaving) {
        signal?.removeEventListener('abort', abort);
        this.#leavers.delete(leaving);
      }
    }
  }

  #forgetTime(): void {
    this.#interruptions += 1;
    this.#meanTime = 0;
    this.#measurements = 0;
  }

  /** Adds a time to the mean. A much shorter time replaces the mean, because the member is not slow any more. */
  #addTime(time: number): void {
    this.#measurements += 1;
    const hasMean = this.#meanTime > 0 && time > this.#meanTime / 4;
    this.#meanTime = hasMean ? this.#meanTime + (time - this.#meanTime) / 8 : time;
  }

  /** Notes that an operation has failed because of this member. @internal */
  failed(error: unknown): void {
    this.#numbers.failures += 1;
    this.#breaker.failed(error);
  }

  /** Opens the breaker: it gets no operations until a trial succeeds. @internal */
  exclude(error: unknown): void {
    this.#breaker.open(error);
  }

  /** Checks the token; see Client.health. Recovers nothing. */
  async health(): Promise<MemberHealth> {
    const { name, state } = this;
    const begin = performance.now();
    try {
      if (this.#client === undefined) throw this.error;
      return { name, state, ...(await withTimeout(this.#client.health(), this.#settings.probeTimeout)) };
    } catch (error) {
      const latency = performance.now() - begin;
      const { hung = 0, givenUp = 0 } = this.#client?.statistics() ?? {};
      const readOnly = this.#client?.readOnly ?? false;
      return {
        ...{ name, state, ok: false, loggedIn: undefined, latency },
        ...{ hung, givenUp, longestLent: 0, readOnly, error },
      };
    }
  }

  statistics(): MemberStatistics {
    const { name, state } = this;
    const client = this.#client?.statistics();
    return { name, state, ...this.#numbers, opened: this.#breaker.opened, client };
  }

  /** @internal */
  async close(): Promise<void> {
    this.#ending.abort(groupClosed());
    this.#breaker.stop();
    this.#endRecovery();
    if (this.#connecting) {
      await withTimeout(this.#connecting, this.#settings.probeTimeout).catch(() => {}); // it fails, or hangs
    }
    await this.#client?.close();
    const { pin } = this.#config.options;
    if (pin !== undefined && typeof pin !== 'function') wipe(pin);
  }

  async #adopt(client: Client): Promise<Client> {
    if (this.#ending.signal.aborted) {
      await client.close().catch(() => {}); // the end of the group is the error to report
      throw groupClosed();
    }
    client.on('recovering', () => {
      this.#forgetTime();
      this.#beginRecovery();
    });
    client.on('recovered', () => {
      this.#forgetTime();
      this.#endRecovery();
      if (this.#isLost) this.#breaker.close(); // the loss has opened it
      this.#isLost = false;
    });
    client.on('down', ({ error }) => {
      this.#endRecovery();
      this.#lose(error);
    });
    this.#client = client;
    this.#breaker.close();
    return client;
  }

  /** Notes that a recovery has begun. If it takes longer than its limit, other members do the work. */
  #beginRecovery(): void {
    this.#endRecovery();
    const { recoveryLimit } = this.#config;
    this.#recovering = true;
    if (!(recoveryLimit <= LONGEST_TIMER_MS)) return;
    const detail = `the client has not recovered the token within ${recoveryLimit} ms; the recovery continues`;
    this.#recovering = setTimeout(() => {
      this.#lose(ownError('ERR_CRYPTOKI_TIMEOUT', detail));
    }, recoveryLimit).unref();
  }

  #lose(error: unknown): void {
    this.#isLost = true;
    this.#breaker.open(error);
  }

  #endRecovery(): void {
    if (typeof this.#recovering === 'object') clearTimeout(this.#recovering);
    this.#recovering = undefined;
  }

  /** Connects if necessary, lets the client recover, and checks the token. */
  #probe(): Promise<void> {
    if (this.#client?.closed) this.#client = undefined; // the program has closed it
    const { probeTimeout } = this.#settings;
    return withTimeout(
      this.connect().then((client) => examine(client, AbortSignal.timeout(probeTimeout))),
      probeTimeout,
    );
  }
}

async function examine(client: Client, signal: AbortSignal): Promise<void> {
  await client.run('probe', { signal, repeatable: true }, (session) => session.info());
  const { ok, error } = await client.health();
  if (ok) return;
  throw error ?? ownError('ERR_CRYPTOKI_LOGIN_NEEDED', "the client's user is not logged in on the token");
}
