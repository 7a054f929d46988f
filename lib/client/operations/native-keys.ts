/** The references to keys of a client: they end with the last key of OpenSSL's made from them, and with the client. */
import type { KeyObject } from 'node:crypto';
import { mainProcess } from '../../core/realms';
import { nameOf, refuseAlwaysAuthenticated } from '../../model/native-keys/key-reference';
import { keyObjectOf, requireKeyObjects } from '../../model/native-keys/openssl-support';
import {
  checkKeyObjectOptions,
  checkPublicHalf,
  type KeyObjectOptions,
  publicKeyInfoOf,
} from '../../model/native-keys/public-half';
import { TlsAbilities, type TlsParameters } from '../../model/native-keys/tls-algorithms';
import type { PrivateKey } from '../../model/objects/private-key';
import type { ClientMembers, ClientObjectMembers } from '../client-types';
import { ClientReference } from './native-key';

const SWEEP_INTERVAL = 15_000;

/** The name of a session object goes with the object that the program has for it. */
const collected = new FinalizationRegistry<ClientReference>((reference) => reference.unclaim());

/** Those of all clients that are open. */
const unreleased = new Set<ClientReferences>();

/** Node waits for libuv's threads before it exits, and nobody gets anything back for them any more. */
function releaseAtExit(): void {
  for (const references of unreleased) references.release();
}

/** All of one client. */
class ClientReferences {
  readonly #byKey = new WeakMap<ClientObjectMembers, Promise<ClientReference>>();
  /** Those of token objects, by what tells keys from each other. */
  readonly #byName = new Map<string, ClientReference>();
  /** Those that are in use, with their names. */
  readonly #open = new Map<ClientReference, string | undefined>();
  readonly #sweeper: NodeJS.Timeout;
  /** Made here: a function made beside a key would keep it. */
  readonly #gone = (reference: ClientReference): void => this.#forget(reference);
  #isReleased = false;

  constructor(client: ClientMembers) {
    const refresh = (): void => {
      for (const reference of this.#open.keys()) reference.refresh();
    };
    client.on('recovered', refresh);
    client.on('login', refresh);
    if (unreleased.size === 0) mainProcess.once('exit', releaseAtExit);
    unreleased.add(this);
    this.#sweeper = setInterval(() => {
      for (const reference of this.#open.keys()) reference.closeIdleSessions();
    }, SWEEP_INTERVAL).unref();
  }

  /** The reference to a key, with one more claim. */
  async claim(key: ClientObjectMembers, options: KeyObjectOptions): Promise<ClientReference> {
    for (;;) {
      let known = this.#byKey.get(key);
      const isKnown = known !== undefined;
      if (known === undefined) {
        known = this.#make(key, options);
        this.#byKey.set(key, known);
        known.catch(() => this.#byKey.delete(key));
      }
      const reference = await known;
      if (isKnown) checkPublicHalf(key, options, reference.publicKeyInfo);
      // One that is gone is not made again for a client that is: its PEM says so.
      if (this.#isReleased || reference.claim()) return reference;
      this.#forget(reference);
      if (this.#byKey.get(key) === known) this.#byKey.delete(key);
    }
  }

  #make(key: ClientObjectMembers, options: KeyObjectOptions): Promise<ClientReference> {
    return key.use('toKeyObject', { repeatable: true }, async (object, session) => {
      const its = object as PrivateKey;
      await refuseAlwaysAuthenticated(its);
      const publicKeyInfo = await publicKeyInfoOf(session, its, options);
      const name = key.isTokenObject ? nameOf(key, '', publicKeyInfo) : undefined;
      const known = name === undefined ? undefined : this.#byName.get(name);
      if (known !== undefined) return known;
      // A session object must not be kept by its own reference: nobody would see that the program has dropped it.
      const own = key.isTokenObject ? key : key.standIn();
      const reference = new ClientReference(own, this.#gone);
      await reference.open(its, publicKeyInfo);
      const first = name === undefined ? undefined : this.#byName.get(name);
      if (first !== undefined || this.#isReleased) {
        reference.release();
        return first ?? reference;
      }
      this.#open.set(reference, name);
      if (name !== undefined) this.#byName.set(name, reference);
      return reference;
    });
  }

  #forget(reference: ClientReference): void {
    const name = this.#open.get(reference);
    this.#open.delete(reference);
    if (name !== undefined && this.#byName.get(name) === reference) this.#byName.delete(name);
  }

  release(): void {
    this.#isReleased = true;
    unreleased.delete(this);
    if (unreleased.size === 0) mainProcess.off('exit', releaseAtExit);
    clearInterval(this.#sweeper);
    for (const reference of this.#open.keys()) reference.release();
    this.#open.clear();
    this.#byName.clear();
  }
}

const all = new WeakMap<ClientMembers, ClientReferences>();

function claim(key: ClientObjectMembers, options: KeyObjectOptions): Promise<ClientReference> {
  const { client } = key;
  let references = all.get(client);
  if (references === undefined) {
    references = new ClientReferences(client);
    all.set(client, references);
  }
  return references.claim(key, options);
}

async function tlsReference(
  key: ClientObjectMembers,
  options: KeyObjectOptions,
): Promise<{ readonly pem: string; readonly abilities: TlsAbilities }> {
  checkKeyObjectOptions(options);
  const reference = await claim(key, options);
  if (reference.name() && !key.isTokenObject) collected.register(key, reference);
  const { pem, publicKeyInfo } = reference;
  return { pem, abilities: new TlsAbilities(publicKeyInfo, await key.client.token.mechanismSet()) };
}

/** See ClientPrivateKey.tlsKey. */
export async function clientTlsKey(
  key: ClientObjectMembers,
  options: KeyObjectOptions = {},
): Promise<string> {
  const { pem, abilities } = await tlsReference(key, options);
  abilities.warn(key.client.token.label);
  return pem;
}

/** What {@link clientTlsKey} gives, and the options of TLS that go with it. */
export async function clientTlsParameters(
  key: ClientObjectMembers,
  options: KeyObjectOptions = {},
): Promise<TlsParameters> {
  const { pem, abilities } = await tlsReference(key, options);
  return { key: pem, ...abilities.algorithms() };
}

/** See ClientPrivateKey.toKeyObject. */
export async function clientKeyObject(
  key: ClientObjectMembers,
  options: KeyObjectOptions = {},
): Promise<KeyObject> {
  checkKeyObjectOptions(options);
  requireKeyObjects();
  const reference = await claim(key, options);
  try {
    return keyObjectOf(reference.pem);
  } finally {
    reference.unclaim();
  }
}

/** The client is closed: its keys give errors from now on. */
export function releaseReferences(client: ClientMembers): void {
  all.get(client)?.release();
  all.delete(client);
}
