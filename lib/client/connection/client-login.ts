import { CryptokiError } from '../../core/errors';
import type { User } from '../../model/session';
import type { PinProvider } from '../../pin';
import type { Pin } from '../../pin/pin';
import { traceLogin } from '../client-tracing';
import { withTimeout } from '../operations/operation-runner';
import type { Connection } from './connection';
import type { LoginKeeper, LogoutReason } from './login-keeper';
import type { Recovery } from './recovery';

/** How long a logout waits for operations in flight, in milliseconds: a call that hangs must not keep the login alive. */
const PATIENCE = 10_000;

/** What becomes of the client when a login ends. */
type Ending =
  /** It is a guest. */
  | 'guest'
  /** It logs in again at the next operation, if a provider is asked for the PIN: one that was kept is wiped. */
  | 'wiped'
  /** As 'wiped', and without sessions until then. */
  | 'secure';

/** Changes who is logged in, when the program asks or the time is up; one change after the other. */
export class ClientLogin {
  readonly #connection: Connection;
  readonly #keeper: LoginKeeper;
  readonly #recovery: Recovery;
  readonly #loggedOut: (reason: LogoutReason) => void;
  #turn: Promise<unknown> = Promise.resolve();
  #isEnding = false;
  #isLoggingIn = false;

  constructor(connection: Connection, recovery: Recovery, loggedOut: (reason: LogoutReason) => void) {
    this.#connection = connection;
    this.#keeper = connection.login;
    this.#recovery = recovery;
    this.#loggedOut = loggedOut;
    connection.onLogout = () => {
      const { wanted } = this.#keeper;
      if (!this.#isEnding && wanted !== undefined) this.#tell('elsewhere', wanted);
    };
  }

  /** See Client.login. */
  login(
    pin: Pin | null | PinProvider | undefined,
    user: User,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    this.#endLogins('login() was called again');
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

  /** A login of the program waits for a PIN provider, perhaps for ever: what comes after it does not. */
  #endLogins(why: string): void {
    if (!this.#isLoggingIn) return;
    const detail = `${why} while the PIN provider had not answered`;
    this.#keeper.stopAsking(new CryptokiError({ code: 'ERR_CRYPTOKI_LOGIN_NEEDED', detail }));
  }

  /** Sees to it that there is a session to log in on: a PIN must not be sent twice, so that is known before. */
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
  logout(ending: Ending): Promise<void> {
    this.#endLogins('the client was logged out');
    return this.#inTurn(() => this.#end('requested', ending));
  }

  /** The time is up. A token that is lost ends the login as well, so that an error is no news. */
  expire(reason: 'idle' | 'age'): void {
    this.#inTurn(() => this.#end(reason, 'wiped')).catch(() => {});
  }

  get #user(): User | undefined {
    return this.#connection.token?.user;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {});
    return mine;
  }

  async #end(reason: LogoutReason, ending: Ending): Promise<void> {
    const { pool } = this.#connection;
    const user = this.#user;
    this.#isEnding = true;
    try {
      if (user !== undefined || ending === 'secure')
        await withTimeout(pool.pause(), PATIENCE).catch(() => {});
      if (ending === 'guest') this.#keeper.wantNobody();
      else this.#keeper.forget();
      this.#keeper.stop();
      try {
        // The client's sessions may be lost, and the login be kept by others in the process.
        if (user !== undefined)
          await (this.#connection.isUp ? this.#connection.anchor : this.#connection.token)?.logout();
      } finally {
        this.#connection.invalidate();
        if (ending === 'secure') await this.#giveUpSessions();
      }
    } finally {
      pool.resume();
      this.#isEnding = false;
    }
    if (user !== undefined) this.#tell(reason, user);
  }

  async #giveUpSessions(): Promise<void> {
    this.#connection.pool.refuseWaiting(loggedOutError());
    await this.#connection.release();
  }

  #tell(reason: LogoutReason, user: User): void {
    this.#keeper.stop();
    traceLogin({ event: 'logout', token: this.#connection.token?.label ?? '', user, reason });
    this.#loggedOut(reason);
  }
}

function loggedOutError(): CryptokiError {
  return new CryptokiError({
    code: 'ERR_CRYPTOKI_LOGIN_NEEDED',
    detail: 'the client was logged out (secureLogout) while the operation waited for a session',
  });
}
