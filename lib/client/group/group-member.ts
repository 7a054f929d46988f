import { LONGEST_TIMER } from '../../core/deadlines';
import { CryptokiError } from '../../core/errors';
import type { Client } from '../client';
import type { ClientStatistics, Health } from '../client-types';
import { wipe } from '../connection/login-keeper';
import { withTimeout } from '../operations/operation-runner';
import { type BreakerState, CircuitBreaker } from './circuit-breaker';
import { groupClosed, MemberLeft } from './failure-reasons';
import type { GroupSettings, MemberPlan } from './group-options';

/** How a member of a group is. */
export interface MemberHealth extends Health {
  readonly name: string;
  /** 'closed': it does its share; 'open': it is left alone; 'halfOpen': it is being tried. */
  readonly state: BreakerState;
}

/** The numbers of a member. */
export interface MemberStatistics {
  readonly name: string;
  readonly state: BreakerState;
  /** Operations of the group that it is doing, that it has done, and that failed because of it. */
  readonly inFlight: number;
  readonly operations: number;
  readonly failures: number;
  /** How often it was left alone. */
  readonly opened: number;
  /** Undefined while it is not connected. */
  readonly client: ClientStatistics | undefined;
}

/** What a {@link GroupMember} tells. */
export interface MemberNews {
  down(member: GroupMember, error: unknown): void;
  up(member: GroupMember): void;
}

/** The time of a member counts after this number of operations, because the first ones find and prove keys. */
const ENOUGH_TIMES = 3;

/** A token of a group: its client, and the breaker that keeps work away from it while it is not well. */
export class GroupMember {
  readonly name: string;
  readonly #plan: MemberPlan;
  readonly #settings: GroupSettings;
  readonly #open: (plan: MemberPlan, signal: AbortSignal) => Promise<Client>;
  readonly #breaker: CircuitBreaker;
  readonly #ending = new AbortController();
  /** Of operations that may be done elsewhere: what ends their waiting here. */
  readonly #leavers = new Set<AbortController>();
  #client: Client | undefined;
  #connecting: Promise<Client> | undefined;
  #recovering: NodeJS.Timeout | true | undefined;
  /** Whether its client could not get back in time what it had lost. */
  #isLost = false;
  readonly #numbers = { inFlight: 0, operations: 0, failures: 0 };
  /** When the operations in flight were begun, oldest first, as performance.now() counts. */
  readonly #begun = new Set<{ readonly at: number }>();
  /** How long an operation takes here, in milliseconds. */
  #time = 0;
  /** The number of operations in that measurement. */
  #learnt = 0;
  /** Grows with each recovery, and each time that the member is well again: the time of operations beside one says nothing. */
  #upheavals = 0;
  /** Grows whenever the member is well again. @internal */
  comebacks = 0;

  /** @internal */
  constructor(
    plan: MemberPlan,
    settings: GroupSettings,
    open: (plan: MemberPlan, signal: AbortSignal) => Promise<Client>,
    news: MemberNews,
  ) {
    this.name = plan.name;
    this.#plan = plan;
    this.#settings = settings;
    this.#open = open;
    this.#breaker = new CircuitBreaker(settings.breaker, () => this.#probe(), {
      opened: (error) => {
        const left = new MemberLeft('the member went down', { cause: error });
        for (const leaver of this.#leavers) leaver.abort(left);
        news.down(this, error);
      },
      closed: () => {
        this.#forgetTime();
        this.comebacks += 1;
        news.up(this);
      },
    });
  }

  /** Its client; undefined while it is not connected. Do not close it: the group does. */
  get client(): Client | undefined {
    return this.#client;
  }

  get state(): BreakerState {
    return this.#breaker.state;
  }

  /** Why it is not well; or its last failure. */
  get error(): unknown {
    return this.#breaker.error;
  }

  /** Whether it gets work. */
  get isWell(): boolean {
    return this.#client !== undefined && this.#breaker.state === 'closed';
  }

  /** Whether its client is getting back what it has lost: others are preferred. */
  get isRecovering(): boolean {
    return this.#recovering !== undefined;
  }

  /** Operations of the group that it is doing. */
  get inFlight(): number {
    return this.#numbers.inFlight;
  }

  /**
   * How long an operation takes here, in milliseconds, as far as is known: as the last ones did, or longer if one in flight has
   * already. 0 when nothing is known.
   * @param now as performance.now() counts
   * @internal
   */
  expectedTime(now: number): number {
    const [oldest] = this.#begun;
    const usual = this.#learnt < ENOUGH_TIMES ? 0 : this.#time;
    return Math.max(usual, oldest === undefined ? 0 : now - oldest.at);
  }

  /** Connects, one attempt at a time. One that takes longer than those who wait goes on, and counts when it succeeds. @internal */
  connect(): Promise<Client> {
    if (this.#client) return Promise.resolve(this.#client);
    this.#connecting ??= this.#open(this.#plan, this.#ending.signal)
      .then((client) => this.#adopt(client))
      .finally(() => {
        this.#connecting = undefined;
      });
    return this.#connecting;
  }

  /**
   * Does an operation. One that is repeatable is left to others (MemberLeft) as soon as the member goes down: the signal that
   * `work` is given ends it then.
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
    const begun = { at: performance.now() };
    const upheavals = this.#upheavals;
    this.#begun.add(begun);
    try {
      const result = await work(client, leaving?.signal ?? signal);
      this.#numbers.operations += 1;
      if (upheavals === this.#upheavals) this.#learn(performance.now() - begun.at);
      this.#breaker.succeeded();
      return result;
    } catch (error) {
      throw leaving?.signal.aborted ? leaving.signal.reason : error;
    } finally {
      this.#begun.delete(begun);
      this.#numbers.inFlight -= 1;
      if (leaving) {
        signal?.removeEventListener('abort', abort);
        this.#leavers.delete(leaving);
      }
    }
  }

  #forgetTime(): void {
    this.#upheavals += 1;
    this.#time = 0;
    this.#learnt = 0;
  }

  /** One that is much quicker than before is believed at once: the member is not slow any more. */
  #learn(time: number): void {
    this.#learnt += 1;
    const isKnown = this.#time > 0 && time > this.#time / 4;
    this.#time = isKnown ? this.#time + (time - this.#time) / 8 : time;
  }

  /** An operation has failed because of this member. @internal */
  failed(error: unknown): void {
    this.#numbers.failures += 1;
    this.#breaker.failed(error);
  }

  /** It gets no work until it is well again. @internal */
  leaveAlone(error: unknown): void {
    this.#breaker.open(error);
  }

  /** Asks the token how it is, without repairing anything. */
  async health(): Promise<MemberHealth> {
    const { name, state } = this;
    const begun = performance.now();
    try {
      if (this.#client === undefined) throw this.error;
      return { name, state, ...(await withTimeout(this.#client.health(), this.#settings.probeTimeout)) };
    } catch (error) {
      const latency = performance.now() - begun;
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
    this.#settled();
    if (this.#connecting) {
      await withTimeout(this.#connecting, this.#settings.probeTimeout).catch(() => {}); // it fails, or hangs
    }
    await this.#client?.close();
    const { pin } = this.#plan.options;
    if (pin !== undefined && typeof pin !== 'function') wipe(pin);
  }

  async #adopt(client: Client): Promise<Client> {
    if (this.#ending.signal.aborted) {
      await client.close().catch(() => {}); // what matters is that the group is closed
      throw groupClosed();
    }
    client.on('recovering', () => {
      this.#forgetTime();
      this.#await();
    });
    client.on('recovered', () => {
      this.#forgetTime();
      this.#settled();
      if (this.#isLost) this.#breaker.close(); // what it was opened for is over
      this.#isLost = false;
    });
    client.on('down', ({ error }) => {
      this.#settled();
      this.#lose(error);
    });
    this.#client = client;
    this.#breaker.close();
    return client;
  }

  /** A recovery has begun. Others do the work if it takes long. */
  #await(): void {
    this.#settled();
    const { patience } = this.#plan;
    this.#recovering = true;
    if (!(patience <= LONGEST_TIMER)) return;
    const detail = `the token could not be got back within ${patience} ms; this goes on`;
    this.#recovering = setTimeout(() => {
      this.#lose(new CryptokiError({ code: 'ERR_CRYPTOKI_TIMEOUT', detail, action: 'retry' }));
    }, patience).unref();
  }

  #lose(error: unknown): void {
    this.#isLost = true;
    this.#breaker.open(error);
  }

  #settled(): void {
    if (typeof this.#recovering === 'object') clearTimeout(this.#recovering);
    this.#recovering = undefined;
  }

  /** Connects if need be, lets the client recover, and asks the token. */
  #probe(): Promise<void> {
    if (this.#client?.closed) this.#client = undefined; // by the program
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
  const detail = 'the token does not have the login that is wanted';
  throw error ?? new CryptokiError({ code: 'ERR_CRYPTOKI_LOGIN_NEEDED', detail });
}
