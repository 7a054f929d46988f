import { argumentError, requireObject, requireOptions } from '../core/arguments';
import { CryptokiError } from '../core/errors';
import type { Attributes } from '../model/attributes';
import { Module } from '../model/module';
import { checkSelector, describeToken, type TokenSelector } from '../model/slots/token-selector';
import type { Token } from '../model/token';
import { pinFromUri } from '../pin';
import { matchesUri, type Pkcs11Uri, parseUri } from '../uri';
import { Client } from './client';
import { type ConnectOptions, type ConnectTarget, toSettings } from './connect-options';
import type { TokenFinder } from './connection/connection';
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
    if (Object.keys(uri.slot).length === 0) return module.token(uri.token);
    const fitting: Token[] = [];
    for (const token of await module.tokens()) {
      const slot = { ...(await token.slot.info()), id: token.slot.id };
      if (matchesUri(uri, { slot, token })) fitting.push(token);
    }
    const [only] = fitting;
    if (only !== undefined && fitting.length === 1) return only;
    throw new CryptokiError({
      code: only === undefined ? 'ERR_CRYPTOKI_TOKEN_NOT_FOUND' : 'ERR_CRYPTOKI_TOKEN_AMBIGUOUS',
      detail: `${fitting.length} tokens fit the URI${fitting.map((token) => `; ${describeToken(token)}`).join('')}`,
    });
  };
}

/** Finds the token by its selector; one that names nothing is held to the token it has found first. */
function bySelector(selector: TokenSelector): TokenFinder {
  let held = selector;
  return async (module) => {
    const token = await module.token(held);
    if (Object.values(selector).every((value) => value === undefined)) {
      held = { label: token.label, serialNumber: token.serialNumber };
    }
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
  requireOptions(target, 'the members of what connect() is given', ['module', 'token']);
  if (typeof target.module !== 'string')
    throw argumentError(TypeError, 'module must be the path of a module');
  const selector = target.token ?? {};
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
 * @throws those of Module.open, Module.token and Session.login
 */
export async function connect(
  target: string | ConnectTarget,
  options?: ConnectOptions & { readonly signal?: AbortSignal | undefined },
): Promise<Client>;
export async function connect(
  target: string | ConnectTarget | readonly (string | ConnectTarget | GroupTarget)[],
  options: GroupOptions & { readonly signal?: AbortSignal | undefined } = {},
): Promise<Client | ClientGroup> {
  requireObject(options, 'the options of connect');
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
  const module = await Module.open(path, options.moduleOptions);
  const client = new Client(module, find, settings, object);
  try {
    await client.start(pin, signal);
    return client;
  } catch (error) {
    await client.close().catch(() => {}); // what went wrong first is what matters
    throw error;
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
    const label = typeof target === 'string' ? uri?.token.label : target.token?.label;
    return { module, label };
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
