import { outOfRange, unknownName, wrongType } from '../core/argument-errors';
import { isBytes, requireBoolean, requireInteger, requireOptions, requireString } from '../core/arguments';
import { LONGEST_TIMER_MS } from '../core/deadlines';
import { MODULE_OPTIONS, type ModuleOptions } from '../model/module';
import type { User } from '../model/session';
import type { TokenSelection } from '../model/slots/token-selector';
import type { PinProvider } from '../pin';
import type { Pin } from '../pin/pin';

/** A token, and the module that has it. */
export interface ConnectTarget {
  /** Path of the module; see Module.open. */
  readonly module: string;
  /**
   * Selects one of the module's tokens. Left out, or 'only': the only initialised one. A value of undefined is refused,
   * because an unset variable must not choose the token.
   */
  readonly token?: TokenSelection;
}

/** Options of a client: sessions, login and recovery. Times are in milliseconds. */
export interface ConnectOptions {
  /**
   * The PIN, null for the token's own PIN pad, or a function that returns the PIN (see PinProvider). Without it the client is
   * not logged in, and sees public objects only, until login() is called.
   */
  readonly pin?: Pin | null | PinProvider | undefined;
  /** The user to log in; default 'USER'. */
  readonly user?: User | undefined;
  /** Name of the user, for tokens with several named users (C_LoginUser, PKCS#11 3.0). */
  readonly username?: string | undefined;
  /** True opens read-only sessions, which cannot write to the token. Default: only if the token is write-protected. */
  readonly readOnly?: boolean | undefined;
  readonly sessions?:
    | {
        /** Limit of sessions that are lent at the same time; default 16. The token's own limit applies as well. */
        readonly max?: number | undefined;
        /** Limit of operations that wait for a session, not counting those that share one; default 100,000. */
        readonly queue?: number | undefined;
        /** Limit of the time that an operation waits for a session; default 30,000; Infinity: no limit. */
        readonly timeout?: number | undefined;
        /** Time without use after which a session is closed; default 60,000; Infinity: never. */
        readonly idleTimeout?: number | undefined;
        /**
         * Limit of sessions that are replaced at the same time because their call has not ended within operationTimeout;
         * default: the value of max. Further such sessions count in max. A replaced session is closed when its call ends.
         */
        readonly maxHung?: number | undefined;
      }
    | undefined;
  readonly login?:
    | {
        /**
         * Time without an operation after which the client logs out; default Infinity. This and maxAge wipe a PIN that was
         * given as a value: operations then fail with ERR_CRYPTOKI_LOGIN_NEEDED until login() is called. A function is called
         * again.
         */
        readonly idleTimeout?: number | undefined;
        /** Time after the login at which the client logs out, even if it is in use; default Infinity. */
        readonly maxAge?: number | undefined;
        /** Time between the event 'expiring' and the logout; default: a tenth of the limit, at most 60,000. */
        readonly warning?: number | undefined;
        /**
         * Limit of the time in which a PIN provider returns the PIN; default 120,000; Infinity: no limit. After it the
         * provider's signal is aborted, and operations that need the PIN fail with ERR_CRYPTOKI_TIMEOUT. The next one calls
         * the provider again. A login() with a PIN does not wait for the provider.
         */
        readonly pinTimeout?: number | undefined;
      }
    | undefined;
  readonly recovery?:
    | {
        /** Time for restoring a lost session, login, token or module, before operations fail; default 30,000. */
        readonly timeout?: number | undefined;
        /** Allows C_Finalize and C_Initialize, which end the sessions of all users of the module in this process; default true. */
        readonly reinitialise?: boolean | undefined;
      }
    | undefined;
  /**
   * Limit of the time that an operation uses its session; then it fails with ERR_CRYPTOKI_TIMEOUT. Default Infinity. The call
   * itself continues, and another session replaces the one that it uses (see sessions.maxHung).
   */
  readonly operationTimeout?: number | undefined;
  /**
   * Time in which connect() repeats its attempt after errors that may be temporary, such as CKR_DEVICE_ERROR; default 10,000,
   * but at most recovery.timeout. 0: a single attempt. A missing token or a wrong PIN is reported at once.
   */
  readonly connectTimeout?: number | undefined;
  /**
   * Limit of the time that close() takes; default 5,000; Infinity: close() waits for all operations. Calls that have not ended
   * by then continue without the client, and their promises are still settled.
   */
  readonly closeTimeout?: number | undefined;
  /** Options of Module.open(), which loads and initialises the module. */
  readonly moduleOptions?: ModuleOptions | undefined;
  /** Allows a command as the pin-source of a URI (pin-source=|command). Default false. */
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

const USERS: readonly User[] = ['USER', 'SO'];

/** Returns the members of an option that has options of its own. */
function nestedOptions(
  value: object | undefined,
  name: string,
  known: readonly string[],
): Record<string, unknown> {
  if (value === undefined) return {};
  requireOptions(value, `the options ${name}`, known);
  return value as Record<string, unknown>;
}

/** Returns a number of at least `min`, which may be Infinity. @param unit follows the limit in the error */
function numberOf(value: unknown, name: string, fallback: number, min: number, unit = ''): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number') throw wrongType(name, 'a number', value);
  if (!(value >= min)) throw outOfRange(name, `a number of at least ${min}${unit}`, value);
  return value;
}

/** Returns a time in milliseconds, which may be longer than a timer of Node. @throws as {@link durationOf} */
export function longTimeOf(value: unknown, name: string, fallback: number, min: number): number {
  return numberOf(value, name, fallback, min, ' milliseconds');
}

/**
 * Returns a time in milliseconds. A time that is longer than any timer of Node becomes Infinity.
 * @throws TypeError ERR_INVALID_ARG_TYPE, RangeError ERR_OUT_OF_RANGE
 */
function durationOf(value: unknown, name: string, fallback: number, min: number): number {
  const milliseconds = longTimeOf(value, name, fallback, min);
  return milliseconds > LONGEST_TIMER_MS ? Number.POSITIVE_INFINITY : milliseconds;
}

function checkPin(pin: unknown): void {
  if (pin === undefined || pin === null || typeof pin === 'string' || typeof pin === 'function') return;
  if (isBytes(pin)) return;
  throw wrongType(
    'pin',
    "a string, bytes, null for the token's own PIN pad, or a function that returns one of them",
    pin,
  );
}

/**
 * Checks that a value is the name of a user.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function checkUser(user: unknown): User {
  requireString(user, 'user');
  const known = USERS.find((name) => name === user);
  if (known === undefined) throw unknownName('user', user, USERS);
  return known;
}

function booleanOf(value: unknown, name: string, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  requireBoolean(value, name);
  return value;
}

/**
 * Returns the options of connect() with their defaults.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE
 */
export function toSettings(options: ConnectOptions): Settings {
  requireOptions(options, 'the options of connect', NAMES);
  const sessions = nestedOptions(options.sessions, 'sessions', [
    ...['max', 'queue', 'timeout', 'idleTimeout', 'maxHung'],
  ]);
  const login = nestedOptions(options.login, 'login', ['idleTimeout', 'maxAge', 'warning', 'pinTimeout']);
  const recovery = nestedOptions(options.recovery, 'recovery', ['timeout', 'reinitialise']);
  if (options.moduleOptions !== undefined) {
    requireOptions(options.moduleOptions, 'the options moduleOptions', MODULE_OPTIONS);
  }
  checkPin(options.pin);
  booleanOf(options.allowPinCommand, 'allowPinCommand', false);
  const { username } = options;
  if (username !== undefined) requireString(username, 'username');
  const { POSITIVE_INFINITY: forever } = Number;
  const { max = 16 } = sessions;
  requireInteger(max, 'sessions.max', { min: 1 });
  const recoveryTimeout = longTimeOf(recovery.timeout, 'recovery.timeout', 30_000, 0);
  return {
    user: checkUser(options.user ?? 'USER'),
    username,
    readOnly: booleanOf(options.readOnly, 'readOnly', false),
    sessions: {
      max,
      maxHung: numberOf(sessions.maxHung, 'sessions.maxHung', max, 0),
      queue: numberOf(sessions.queue, 'sessions.queue', 100_000, 0),
      timeout: durationOf(sessions.timeout, 'sessions.timeout', 30_000, 0),
      idleTimeout: durationOf(sessions.idleTimeout, 'sessions.idleTimeout', 60_000, 0),
    },
    login: {
      idleTimeout: longTimeOf(login.idleTimeout, 'login.idleTimeout', forever, 1),
      maxAge: longTimeOf(login.maxAge, 'login.maxAge', forever, 1),
      warning: login.warning === undefined ? undefined : longTimeOf(login.warning, 'login.warning', 0, 0),
      pinTimeout: durationOf(login.pinTimeout, 'login.pinTimeout', 120_000, 1),
    },
    recovery: {
      timeout: recoveryTimeout,
      reinitialise: booleanOf(recovery.reinitialise, 'recovery.reinitialise', true),
    },
    operationTimeout: durationOf(options.operationTimeout, 'operationTimeout', forever, 1),
    connectTimeout: durationOf(
      ...([options.connectTimeout, 'connectTimeout', Math.min(recoveryTimeout, 10_000), 0] as const),
    ),
    closeTimeout: durationOf(options.closeTimeout, 'closeTimeout', 5_000, 0),
  };
}
