import { setTimeout as sleep } from 'node:timers/promises';
import { wrongValue } from '../core/argument-errors';
import { requireOptions, requireOptionsObject, requireSignal, requireString } from '../core/arguments';
import { isCode, ownError } from '../core/errors';
import { ONLY, requirePlain, requireSelection } from '../core/selection';
import type { Attributes } from '../model/attributes';
import { Module, type ModuleOptions, throwRefusal } from '../model/module';
import { checkSelector, describeToken, type TokenSelection } from '../model/slots/token-selector';
import type { Token } from '../model/token';
import { pinFromUri } from '../pin';
import { matchesUri, type Pkcs11Uri, parseUri } from '../uri';
import { Client } from './client';
import { type ConnectOptions, type ConnectTarget, toSettings } from './connect-options';
import type { TokenFinder } from './connection/connection';
import { retryPause } from './connection/recovery-rules';
import { ClientGroup } from './group/group';
import { type GroupOptions, type GroupTarget, toGroupSettings, toMemberConfigs } from './group/group-options';

/** Returns a finder for the token of a URI, which may also name the library and the slot. */
function byUri(uri: Pkcs11Uri): TokenFinder {
  return async (module) => {
    const library = await module.info();
    if (!matchesUri(uri, { library })) {
      throw ownError(
        'ERR_CRYPTOKI_TOKEN_NOT_FOUND',
        `the URI names another library than ${library.manufacturer}, ${library.description}; correct its library attributes or its module-path`,
      );
    }
    if (Object.keys(uri.slot).length === 0) {
      return Object.keys(uri.token).length === 0 ? module.token(ONLY) : module.token(uri.token);
    }
    const matching: Token[] = [];
    const { tokens, refusals } = await module.askTokens();
    for (const token of tokens) {
      const slot = { ...(await token.slot.info()), id: token.slot.id };
      if (matchesUri(uri, { slot, token })) matching.push(token);
    }
    const [only] = matching;
    if (only !== undefined && matching.length === 1) return only;
    if (only === undefined) throwRefusal(refusals);
    throw ownError(
      only === undefined ? 'ERR_CRYPTOKI_TOKEN_NOT_FOUND' : 'ERR_CRYPTOKI_TOKEN_AMBIGUOUS',
      `${matching.length} tokens match the URI${matching.map((token) => `; ${describeToken(token)}`).join('')}`,
    );
  };
}

/** Returns a finder for the token of a selector. After the first search, 'only' stands for the token that was found then. */
function bySelector(selector: TokenSelection): TokenFinder {
  let current = selector;
  return async (module) => {
    const token = await module.token(current);
    if (current === ONLY) current = { label: token.label, serialNumber: token.serialNumber };
    return token;
  };
}

interface Target {
  readonly module: string;
  readonly find: TokenFinder;
  readonly object: Attributes;
  readonly uri?: Pkcs11Uri;
}

function toTarget(target: string | ConnectTarget): Target {
  if (typeof target === 'string') {
    const uri = parseUri(target);
    if (uri.modulePath === undefined) {
      throw wrongValue('the PKCS#11 URI does not name its module; add ?module-path=/path/of/module.so');
    }
    return { module: uri.modulePath, find: byUri(uri), object: uri.object as Attributes, uri };
  }
  requirePlain(target, 'the target of connect()');
  requireOptions(target, 'the target of connect()', ['module', 'token']);
  requireString(target.module, 'module');
  requireSelection(target, 'the target of connect()', 'name the module');
  const selector = Object.hasOwn(target, 'token') ? (target.token as TokenSelection) : ONLY;
  checkSelector(selector);
  return { module: target.module, find: bySelector(selector), object: {} };
}

/**
 * Connects to several tokens that have the same keys. The {@link ClientGroup} runs each operation on one of them, and on another
 * one if that token is lost.
 *
 * ```ts
 * await using hsms = await connect([uriOfOne, { target: uriOfTwo, pin: pinOfTwo }], { pin, strategy: 'primary' });
 * const key = await hsms.privateKey({ label: 'signing' });
 * const signature = await key.sign('ECDSA-SHA256', message);
 * ```
 *
 * In a group two options of the clients have other defaults: recovery.timeout is 1,000 ms, so that other members take over
 * while the recovery continues; operationTimeout is 10,000 ms, so that a call that hangs is detected. If several members are in
 * one module, recovery.reinitialise is false, because C_Finalize would end the sessions of all of them.
 * @param targets each as for one token, or { target, ...options } with its own options
 * @throws ERR_CRYPTOKI_NO_MEMBER when no member, or with require: 'all' not every member, can be reached
 */
export async function connect(
  targets: readonly (string | ConnectTarget | GroupTarget)[],
  options?: GroupOptions & { readonly signal?: AbortSignal | undefined },
): Promise<ClientGroup>;
/**
 * Connects to a token, for a program that runs for long. The {@link Client} shares sessions, keeps the login, and restores lost
 * sessions, logins, tokens and modules.
 *
 * ```ts
 * await using hsm = await connect('pkcs11:token=payments?module-path=/usr/lib/softhsm/libsofthsm2.so', { pin });
 * const key = await hsm.privateKey({ label: 'signing' });
 * const signature = await key.sign('ECDSA-SHA256', message);
 * ```
 * @param target a PKCS#11 URI (RFC 7512) with module-path, or { module, token }
 * @throws the errors of Module.open, Module.token and Session.login; temporary ones only after connectTimeout
 */
export async function connect(
  target: string | ConnectTarget,
  options?: ConnectOptions & { readonly signal?: AbortSignal | undefined },
): Promise<Client>;
export async function connect(
  target: string | ConnectTarget | readonly (string | ConnectTarget | GroupTarget)[],
  options: GroupOptions & { readonly signal?: AbortSignal | undefined } = {},
): Promise<Client | ClientGroup> {
  requireOptionsObject(options, 'the options of connect');
  requireSignal(options.signal);
  const { signal, ...rest } = options;
  return isList(target) ? connectGroup(target, rest, signal) : connectOne(target, rest, signal);
}

function isList(
  target: string | ConnectTarget | readonly (string | ConnectTarget | GroupTarget)[],
): target is readonly (string | ConnectTarget | GroupTarget)[] {
  return Array.isArray(target);
}

async function connectOne(
  target: string | ConnectTarget,
  options: ConnectOptions,
  signal?: AbortSignal,
): Promise<Client> {
  const settings = toSettings(options);
  const { module: path, find, object, uri } = toTarget(target);
  const namesPin = uri !== undefined && (uri.pinValue !== undefined || uri.pinSource !== undefined);
  const pin =
    namesPin && options.pin === undefined
      ? pinFromUri(uri, { allowCommand: options.allowPinCommand ?? false })
      : options.pin;
  signal?.throwIfAborted();
  const end = performance.now() + settings.connectTimeout;
  const module = await openModule(path, options.moduleOptions, end, signal);
  const client = new Client(module, find, settings, object);
  try {
    await client.start(pin, Math.max(end - performance.now(), 0), signal);
    return client;
  } catch (error) {
    await client.close().catch(() => {}); // the first error is the one to report
    throw error;
  }
}

/** Errors of C_Initialize while a device or its service is not available. */
const TEMPORARY_ERRORS = [
  ...['CKR_DEVICE_ERROR', 'CKR_FUNCTION_FAILED', 'CKR_GENERAL_ERROR', 'CKR_HOST_MEMORY'],
  ...['CKR_DEVICE_MEMORY', 'CKR_DEVICE_REMOVED', 'CKR_TOKEN_NOT_PRESENT'],
];

/** Opens the module. Repeats this until `end` (in the time of performance.now()) while C_Initialize fails with a temporary error. */
async function openModule(
  path: string,
  options: ModuleOptions | undefined,
  end: number,
  signal: AbortSignal | undefined,
): Promise<Module> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await Module.open(path, options);
    } catch (error) {
      const left = end - performance.now();
      if (!isCode(error, ...TEMPORARY_ERRORS) || left <= 0) throw error;
      await sleep(Math.min(retryPause(attempt), left), undefined, signal && { signal }).catch(() => {});
      signal?.throwIfAborted();
    }
  }
}

async function connectGroup(
  targets: readonly (string | ConnectTarget | GroupTarget)[],
  options: GroupOptions,
  signal?: AbortSignal,
): Promise<ClientGroup> {
  const { settings, common } = toGroupSettings(options);
  const configs = toMemberConfigs(targets, common, (target) => {
    const { module, uri } = toTarget(target);
    const selector = typeof target === 'string' ? uri?.token : target.token;
    return { module, label: typeof selector === 'object' ? selector.label : undefined };
  });
  const group = new ClientGroup(configs, settings, (config, endSignal) =>
    connectOne(config.target, config.options, endSignal),
  );
  try {
    await group.start(signal);
    return group;
  } catch (error) {
    await group.close().catch(() => {}); // the first error is the one to report
    throw error;
  }
}
