import { setTimeout as sleep } from 'node:timers/promises';
import { argumentError, requireOptions, requireOptionsObject, requireSignal } from '../core/arguments';
import { CryptokiError, isCode } from '../core/errors';
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
import { pause } from './connection/recovery-rules';
import { ClientGroup } from './group/group';
import { type GroupOptions, type GroupTarget, toGroupSettings, toPlans } from './group/group-options';

/** Finds the token of a URI: also by what it says of the library and the slot. */
function byUri(uri: Pkcs11Uri): TokenFinder {
  return async (module) => {
    const library = await module.info();
    if (!matchesUri(uri, { library })) {
      throw new CryptokiError({
        code: 'ERR_CRYPTOKI_TOKEN_NOT_FOUND',
        detail: `the URI wants another library than ${library.manufacturer}, ${library.description}`,
      });
    }
    if (Object.keys(uri.slot).length === 0) {
      return Object.keys(uri.token).length === 0 ? module.token(ONLY) : module.token(uri.token);
    }
    const fitting: Token[] = [];
    const { tokens, refusals } = await module.askTokens();
    for (const token of tokens) {
      const slot = { ...(await token.slot.info()), id: token.slot.id };
      if (matchesUri(uri, { slot, token })) fitting.push(token);
    }
    const [only] = fitting;
    if (only !== undefined && fitting.length === 1) return only;
    if (only === undefined) throwRefusal(refusals);
    throw new CryptokiError({
      code: only === undefined ? 'ERR_CRYPTOKI_TOKEN_NOT_FOUND' : 'ERR_CRYPTOKI_TOKEN_AMBIGUOUS',
      detail: `${fitting.length} tokens fit the URI${fitting.map((token) => `; ${describeToken(token)}`).join('')}`,
    });
  };
}

/** Finds the token by its selector; 'only' is held to the token it has found first. */
function bySelector(selector: TokenSelection): TokenFinder {
  let held = selector;
  return async (module) => {
    const token = await module.token(held);
    if (held === ONLY) held = { label: token.label, serialNumber: token.serialNumber };
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
      throw argumentError(
        TypeError,
        'the PKCS#11 URI must name its module: add ?module-path=/path/of/module.so',
      );
    }
    return { module: uri.modulePath, find: byUri(uri), object: uri.object as Attributes, uri };
  }
  requirePlain(target, 'what connect() is given');
  requireOptions(target, 'the members of what connect() is given', ['module', 'token']);
  if (typeof target.module !== 'string')
    throw argumentError(TypeError, 'module must be the path of a module');
  requireSelection(target, 'what connect() is given', 'name the module');
  const selector = Object.hasOwn(target, 'token') ? (target.token as TokenSelection) : ONLY;
  checkSelector(selector);
  return { module: target.module, find: bySelector(selector), object: {} };
}

/**
 * Connects to several tokens that have the same keys, as one: the {@link ClientGroup} gives each operation to one of them,
 * and to another when that one is lost.
 *
 * ```ts
 * await using hsms = await connect([uriOfOne, { target: uriOfTwo, pin: itsPin }], { pin, strategy: 'primary' });
 * const key = await hsms.privateKey({ label: 'signing' });
 * const signature = await key.sign('ECDSA-SHA256', message);
 * ```
 *
 * In a group two options of the clients have other defaults: recovery.timeout is 1,000 ms, so that others take over, while
 * the recovery goes on; operationTimeout is 10,000 ms, so that a call that hangs is noticed. If several members are in one
 * module, recovery.reinitialise is false, since C_Finalize would end the sessions of all.
 * @param targets each as for one token, or { target, ...options } with options of its own
 * @throws ERR_CRYPTOKI_NO_MEMBER when none can be reached, or with require: 'all' not every one
 */
export async function connect(
  targets: readonly (string | ConnectTarget | GroupTarget)[],
  options?: GroupOptions & { readonly signal?: AbortSignal | undefined },
): Promise<ClientGroup>;
/**
 * Connects to a token, for a program that runs for long: the {@link Client} shares sessions, keeps the login, and gets back
 * what is lost.
 *
 * ```ts
 * await using hsm = await connect('pkcs11:token=payments?module-path=/usr/lib/softhsm/libsofthsm2.so', { pin });
 * const key = await hsm.privateKey({ label: 'signing' });
 * const signature = await key.sign('ECDSA-SHA256', message);
 * ```
 * @param target a PKCS#11 URI (RFC 7512) with module-path, or { module, token }
 * @throws those of Module.open, Module.token and Session.login; errors that may pass only after connectTimeout
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
  const names = uri !== undefined && (uri.pinValue !== undefined || uri.pinSource !== undefined);
  const pin =
    names && options.pin === undefined
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
    await client.close().catch(() => {}); // what went wrong first is what matters
    throw error;
  }
}

/** What C_Initialize returns while a service is not there yet, or any more. */
const MAY_PASS = [
  ...['CKR_DEVICE_ERROR', 'CKR_FUNCTION_FAILED', 'CKR_GENERAL_ERROR', 'CKR_HOST_MEMORY'],
  ...['CKR_DEVICE_MEMORY', 'CKR_DEVICE_REMOVED', 'CKR_TOKEN_NOT_PRESENT'],
];

/** Opens the module, again and again until `end` (as performance.now() counts) while C_Initialize fails with what may pass. */
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
      if (!isCode(error, ...MAY_PASS) || left <= 0) throw error;
      await sleep(Math.min(pause(attempt), left), undefined, signal && { signal }).catch(() => {});
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
  const plans = toPlans(targets, common, (target) => {
    const { module, uri } = toTarget(target);
    const selector = typeof target === 'string' ? uri?.token : target.token;
    return { module, label: typeof selector === 'object' ? selector.label : undefined };
  });
  const group = new ClientGroup(plans, settings, (plan, ending) =>
    connectOne(plan.target, plan.options, ending),
  );
  try {
    await group.start(signal);
    return group;
  } catch (error) {
    await group.close().catch(() => {}); // what went wrong first is what matters
    throw error;
  }
}
