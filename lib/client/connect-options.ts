import { argumentError, isBytes, requireOptions } from '../core/arguments';
import { LONGEST_TIMER } from '../core/deadlines';
import { MODULE_OPTIONS, type ModuleOptions } from '../model/module';
import type { User } from '../model/session';
import type { TokenSelection } from '../model/slots/token-selector';
import type { PinProvider } from '../pin';
import type { Pin } from '../pin/pin';

/** Which token, in which module. */
export interface ConnectTarget {
  /** Path of the module; see Module.open. */
  readonly module: string;
  /**
   * Which of its tokens; left out, or 'only': the only initialised one. One that is undefined is refused: an unset variable
   * must not choose the token.
   */
  readonly token?: TokenSelection;
}

/** How a client shares, logs in and recovers. Times are in milliseconds. */
export interface ConnectOptions {
  /**
   * The PIN, null for the token's own pad, or a function that is asked for it (see PinProvider). Without one the client is a
   * guest: it sees public objects, until login() is called.
   */
  readonly pin?: Pin | null | PinProvider | undefined;
  /** Default 'USER'. */
  readonly user?: User | undefined;
  /** For tokens that know several users by name (C_LoginUser, PKCS#11 3.0). */
  readonly username?: string | undefined;
  /** Opens read-only sessions: nothing can be written to the token. Default: only where the token is write-protected. */
  readonly readOnly?: boolean | undefined;
  readonly sessions?:
    | {
        /** How many operations run side by side at most; default 16. The token's limit counts too. */
        readonly max?: number | undefined;
        /** How many operations may wait for a session, beside those that share one; default 100,000. */
        readonly queue?: number | undefined;
        /** How long an operation waits for a session; default 30,000; Infinity for ever. */
        readonly timeout?: number | undefined;
        /** Closes a session that was not used for so long; default 60,000; Infinity never. */
        readonly idleTimeout?: number | undefined;
        /**
         * How many sessions are replaced at a time whose call has not ended within operationTimeout; default as many as
         * max. Those beyond it count in max. A session that was replaced is closed when its call ends.
         */
        readonly maxHung?: number | undefined;
      }
    | undefined;
  readonly login?:
    | {
        /**
         * Logs out when there was no operation for so long; default Infinity. A PIN given as a value is wiped then, here and
         * with maxAge: operations fail with ERR_CRYPTOKI_LOGIN_NEEDED until login() is called. A function is asked again.
         */
        readonly idleTimeout?: number | undefined;
        /** Logs out so long after the login, whatever happens; default Infinity. */
        readonly maxAge?: number | undefined;
        /** 'expiring' is emitted so long before either; default a tenth of it, 60,000 at most. */
        readonly warning?: number | undefined;
        /**
         * How long a PIN provider may take to answer, in milliseconds; default 120,000; Infinity for ever. Then its signal is
         * aborted, and what needs the PIN fails with ERR_CRYPTOKI_TIMEOUT; it is asked again at the next need. A login() with
         * a PIN does not wait for it.
         */
        readonly pinTimeout?: number | undefined;
      }
    | undefined;
  readonly recovery?:
    | {
        /** How long the client tries to get a lost session, login, token or module back before operations fail; default 30,000. */
        readonly timeout?: number | undefined;
        /** Whether C_Finalize and C_Initialize may be used, which end the sessions of everybody in this process; default true. */
        readonly reinitialise?: boolean | undefined;
      }
    | undefined;
  /**
   * Ends the waiting for an operation after so long, with ERR_CRYPTOKI_TIMEOUT; default Infinity. The call itself goes on; another
   * session takes the place of the one that it is made on (see sessions.maxHung).
   */
  readonly operationTimeout?: number | undefined;
  /**
   * How long connect() tries again after errors that may pass, such as CKR_DEVICE_ERROR, in milliseconds; default 10,000, but not
   * longer than recovery.timeout. 0: not at all. A token that is not there, or a PIN that is wrong, is told at once.
   */
  readonly connectTimeout?: number | undefined;
  /**
   * How long close() takes at most, in milliseconds; default 5,000; Infinity waits for all operations. Calls that have not ended then
   * go on without the client; their results are still given.
   */
  readonly closeTimeout?: number | undefined;
  /** How the module is loaded and initialised. */
  readonly moduleOptions?: ModuleOptions | undefined;
  /** Allows pin-source=|command in a URI. Default false. */
  readonly allowPinCommand?: boolean | undefined;
}

/** {@link ConnectOptions} with all defaults. */
export interface Settings {
  readonly user: User;
  readonly username: string | undefined;
  readonly readOnly: boolean;
  readonly sessions: { max: number; queue: number; timeout: number; idleTimeout: number; maxHung: number };
  readonly login: { idleTimeout: number; maxAge: number; warning: number | undefined; pinTimeout: number };
  readonly recovery: { timeout: number; reinitialise: boolean };
  readonly operationTimeout: number;
  readonly connectTimeout: number;
  readonly closeTimeout: number;
}

const NAMES = [
  ...['pin', 'user', 'username', 'readOnly', 'sessions', 'login', 'recovery'],
  ...['operationTimeout', 'connectTimeout', 'closeTimeout', 'moduleOptions', 'allowPinCommand'],
];

function group(value: object | undefined, name: string, known: readonly string[]): Record<string, unknown> {
  if (value === undefined) return {};
  requireOptions(value, `the options ${name}`, known);
  return value as Record<string, unknown>;
}

function number(value: unknown, name: string, otherwise: number, least: number, whole = false): number {
  if (value === undefined) return otherwise;
  if (typeof value !== 'number') throw argumentError(TypeError, `${name} must be a number`);
  if (!(value >= least) || (whole && !Number.isInteger(value))) {
    throw argumentError(
      RangeError,
      `${name} must be ${whole ? 'a whole number of' : 'a number from'} ${least} or more`,
    );
  }
  return value;
}

/** As {@link number}, in milliseconds; what is longer than a timer of Node can be is as good as for ever. */
function time(value: unknown, name: string, otherwise: number, least: number): number {
  const milliseconds = number(value, name, otherwise, least);
  return milliseconds > LONGEST_TIMER ? Number.POSITIVE_INFINITY : milliseconds;
}

function checkPin(pin: unknown): void {
  if (pin === undefined || pin === null || typeof pin === 'string' || typeof pin === 'function') return;
  if (!isBytes(pin)) {
    throw argumentError(
      TypeError,
      'pin must be a string, bytes, null for the pad of the token, or a function that gives one of them',
    );
  }
}

/** @throws TypeError ERR_INVALID_ARG_TYPE */
export function checkUser(user: unknown): User {
  if (user === 'USER' || user === 'SO') return user;
  throw argumentError(TypeError, 'user must be "USER" or "SO"');
}

function boolean(value: unknown, name: string, otherwise: boolean): boolean {
  if (value === undefined) return otherwise;
  if (typeof value === 'boolean') return value;
  throw argumentError(TypeError, `${name} must be a boolean`);
}

/**
 * The options of connect() with their defaults.
 * @throws TypeError ERR_INVALID_ARG_TYPE, RangeError ERR_OUT_OF_RANGE
 */
export function toSettings(options: ConnectOptions): Settings {
  requireOptions(options, 'the options of connect', NAMES);
  const sessions = group(options.sessions, 'sessions', [
    ...['max', 'queue', 'timeout', 'idleTimeout', 'maxHung'],
  ]);
  const login = group(options.login, 'login', ['idleTimeout', 'maxAge', 'warning', 'pinTimeout']);
  const recovery = group(options.recovery, 'recovery', ['timeout', 'reinitialise']);
  if (options.moduleOptions !== undefined) {
    requireOptions(options.moduleOptions, 'the options moduleOptions', MODULE_OPTIONS);
  }
  checkPin(options.pin);
  boolean(options.allowPinCommand, 'allowPinCommand', false);
  const { username } = options;
  if (username !== undefined && typeof username !== 'string') {
    throw argumentError(TypeError, 'username must be a string');
  }
  const { POSITIVE_INFINITY: forever } = Number;
  const max = number(sessions.max, 'sessions.max', 16, 1, true);
  const recoveryTimeout = number(recovery.timeout, 'recovery.timeout', 30_000, 0);
  return {
    user: checkUser(options.user ?? 'USER'),
    username,
    readOnly: boolean(options.readOnly, 'readOnly', false),
    sessions: {
      max,
      maxHung: number(sessions.maxHung, 'sessions.maxHung', max, 0),
      queue: number(sessions.queue, 'sessions.queue', 100_000, 0),
      timeout: time(sessions.timeout, 'sessions.timeout', 30_000, 0),
      idleTimeout: time(sessions.idleTimeout, 'sessions.idleTimeout', 60_000, 0),
    },
    login: {
      idleTimeout: number(login.idleTimeout, 'login.idleTimeout', forever, 1),
      maxAge: number(login.maxAge, 'login.maxAge', forever, 1),
      warning: login.warning === undefined ? undefined : number(login.warning, 'login.warning', 0, 0),
      pinTimeout: time(login.pinTimeout, 'login.pinTimeout', 120_000, 1),
    },
    recovery: {
      timeout: recoveryTimeout,
      reinitialise: boolean(recovery.reinitialise, 'recovery.reinitialise', true),
    },
    operationTimeout: time(options.operationTimeout, 'operationTimeout', forever, 1),
    connectTimeout: time(
      ...([options.connectTimeout, 'connectTimeout', Math.min(recoveryTimeout, 10_000), 0] as const),
    ),
    closeTimeout: time(options.closeTimeout, 'closeTimeout', 5_000, 0),
  };
}
