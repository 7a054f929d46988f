import { ownError } from '../../core/errors';
import type { User } from '../../model/session';
import type { PinProvider } from '../../pin';
import type { Pin } from '../../pin/pin';
import { traceLogin } from '../client-tracing';
import { withTimeout } from '../operations/operation-runner';
import { pinWaitEnded } from './client-pin';
import type { Connection } from './connection';
import type { LoginKeeper, LogoutReason } from './login-keeper';
import type { Recovery } from './recovery';

/** Limit of the time that a logout waits for operations in flight: a call that hangs must not keep the login alive. */
const LOGOUT_LIMIT_MS = 10_000;

/** State of the client after the end of a login. */
type StateAfterLogout =
  /** Nobody is logged in, and the client does not log in by itself. */
  | 'guest'
  /** A kept PIN is wiped. If the PIN comes from a provider, the next operation logs in again. */
  | 'wiped'
  /** As 'wiped', and without sessions until then. */
  | 'secure';

/** Logs in and out at the request of the program, and out after a time limit; one change after the other. */
export class ClientLogin {
  readonly #connection: Connection;
  readonly #keeper: LoginKeeper;
  readonly #recovery: Recovery;
  readonly #loggedOut: (reason: LogoutReason) => void;
  /** The last change, which the next one waits for. */
  #lastChange: Promise<unknown> = Promise.resolve();
  #isEnding = false;
  #isLoggingIn = false;

  constructor(connection: Connection, recovery: Recovery, loggedOut: (reason: LogoutReason) => void) {
    this.#connection = connection;
    this.#keeper = connection.login;
    this.#recovery = recovery;
    this.#loggedOut = loggedOut;
    connection.onLogout = () => {
      const { wanted } = this.#keeper;
      if (!this.#isEnding && wanted !== undefined) this.#reportLogout('elsewhere', wanted);
    };
  }

  /** See Client.login. */
  login(
    pin: Pin | null | PinProvider | undefined,
    user: User,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    this.#stopLogin('login() was called again');
    this.#recovery.retryNow();
    return this.#inTurn(async () => {
      signal?.throwIfAborted();
      this.#isLoggingIn = true;
      if (this.#user !== undefined && this.#user !== user) await this.#end('requested', 'guest');
      const before = this.#keeper.want(user, pin);
      try {
        await this.#ready(signal);
        await this.#keeper.ensure(this.#connection.anchor, 'login', signal);
        this.#keeper.replaced(before);
      } catch (error) {
        this.#keeper.restore(before);
        throw error;
      } finally {
        this.#isLoggingIn = false;
      }
    });
  }

  /** Ends a login that waits for a PIN provider, because the next change waits for it. @param cause a clause for its error */
  #stopLogin(cause: string): void {
    if (this.#isLoggingIn) this.#keeper.stopAsking(pinWaitEnded(cause));
  }

  /** Ensures a working session before the login, because a PIN must not be sent twice. */
  async #ready(signal: AbortSignal | undefined): Promise<void> {
    const { generation } = this.#connection;
    try {
      if (this.#connection.isUp) await this.#connection.check();
      else await this.#recovery.ready(signal);
    } catch (error) {
      const tries = { generation, count: 1, actions: new Map() };
      if (!(await this.#recovery.heal(error, tries, signal))) throw error;
    }
  }

  /** See Client.logout and Client.secureLogout. */
  logout(stateAfter: StateAfterLogout): Promise<void> {
    this.#stopLogin('the client was logged out');
    return this.#inTurn(() => this.#end('requested', stateAfter));
  }

  /** Logs out after a time limit. Ignores errors, because a lost token has no login either. */
  expire(reason: 'idle' | 'age'): void {
    this.#inTurn(() => this.#end(reason, 'wiped')).catch(() => {});
  }

  get #user(): User | undefined {
    return this.#connection.token?.user;
  }

  /** Runs `work` after the changes before it. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const change = this.#lastChange.then(work);
    this.#lastChange = change.catch(() => {});
    return change;
  }

  async #end(reason: LogoutReason, stateAfter: StateAfterLogout): Promise<void> {
    const { pool } = this.#connection;
    const user = this.#user;
    this.#isEnding = true;
    try {
      if (user !== undefined || stateAfter === 'secure')
        await withTimeout(pool.pause(), LOGOUT_LIMIT_MS).catch(() => {});
      if (stateAfter === 'guest') this.#keeper.wantNobody();
      else this.#keeper.forget();
      this.#keeper.stop();
      try {
        // The client's sessions may be lost while sessions of other users in the process keep the login.
        if (user !== undefined)
          await (this.#connection.isUp ? this.#connection.anchor : this.#connection.token)?.logout();
      } finally {
        this.#connection.invalidate();
        if (stateAfter === 'secure') await this.#closeSessions();
      }
    } finally {
      pool.resume();
      this.#isEnding = false;
    }
    if (user !== undefined) this.#reportLogout(reason, user);
  }

  async #closeSessions(): Promise<void> {
    this.#connection.pool.refuseWaiting(
      ownError(
        'ERR_CRYPTOKI_LOGIN_NEEDED',
        'secureLogout() was called while the operation waited for a session; call login() and repeat it',
      ),
    );
    await this.#connection.release();
  }

  #reportLogout(reason: LogoutReason, user: User): void {
    this.#keeper.stop();
    traceLogin({ event: 'logout', token: this.#connection.token?.label ?? '', user, reason });
    this.#loggedOut(reason);
  }
}
