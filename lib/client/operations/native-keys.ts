/** References to keys of a client. A reference ends with the last OpenSSL key that was made from it, or with the client. */
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

/** Interval at which idle sessions are searched. */
const SWEEP_INTERVAL_MS = 15_000;

/** Releases the claim to the name of a session object when the program's object is collected. */
const collected = new FinalizationRegistry<ClientReference>((reference) => reference.unclaim());

/** The references of all open clients. */
const unreleased = new Set<ClientReferences>();

/** Releases all references, because Node waits for libuv's threads before it exits, and no client recovers for them by then. */
function releaseAtExit(): void {
  for (const references of unreleased) references.release();
}

/** All references of one client. */
class ClientReferences {
  readonly #byKey = new WeakMap<ClientObjectMembers, Promise<ClientReference>>();
  /** References to token objects, by id, label, type and public key. */
  readonly #byName = new Map<string, ClientReference>();
  /** References in use, with their names. */
  readonly #open = new Map<ClientReference, string | undefined>();
  readonly #sweeper: NodeJS.Timeout;
  /** A field, because a function that is created in a method with a key would keep that key. */
  readonly #onEnd = (reference: ClientReference): void => this.#forget(reference);
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
    }, SWEEP_INTERVAL_MS).unref();
  }

  /** Returns the reference to a key, with one more claim. */
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
      // A closed client gets no new reference: reading `pem` of the old one throws.
      if (this.#isReleased || reference.claim()) return reference;
      this.#forget(reference);
      if (this.#byKey.get(key) === known) this.#byKey.delete(key);
    }
  }

  #make(key: ClientObjectMembers, options: KeyObjectOptions): Promise<ClientReference> {
    return key.use('toKeyObject', { repeatable: true }, async (object, session) => {
      const privateKey = object as PrivateKey;
      await refuseAlwaysAuthenticated(privateKey);
      const publicKeyInfo = await publicKeyInfoOf(session, privateKey, options);
      const name = key.isTokenObject ? nameOf(key, '', publicKeyInfo) : undefined;
      const known = name === undefined ? undefined : this.#byName.get(name);
      if (known !== undefined) return known;
      // The reference must not keep the program's session object, which would then never be collected.
      const keptKey = key.isTokenObject ? key : key.standIn();
      const reference = new ClientReference(keptKey, this.#onEnd);
      await reference.open(privateKey, publicKeyInfo);
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

/** Returns the PEM of {@link clientTlsKey} with the TLS options that it needs. */
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

/** Releases the references of a closed client. Operations with its native keys fail from then on. */
export function releaseReferences(client: ClientMembers): void {
  all.get(client)?.release();
  all.delete(client);
}
