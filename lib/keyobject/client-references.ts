/** The references to keys of a client: they follow the keys through its recoveries, and end with it. */
import { createHash, type KeyObject } from 'node:crypto';
import type { Client } from '../client/client';
import type { ClientPrivateKey } from '../client/client-key';
import type { CryptokiError } from '../errors';
import type { PrivateKey } from '../objects/private-key';
import { checkKeyObjectOptions, type KeyObjectOptions } from './public-half';
import { createReference, placeOf, type Reference } from './reference';
import { keyObjectOf, requireKeyObjects } from './support';

/** Sessions of the provider that nobody has used for so long are closed; in milliseconds. */
const IDLE_TIME = 30_000;
const SWEEP_INTERVAL = 15_000;

/** One key, and what is done to get it back. */
class ClientReference {
  readonly #key: ClientPrivateKey;
  #reference: Reference | undefined;
  #generation = 0;
  #finding: Promise<void> | undefined;

  constructor(key: ClientPrivateKey) {
    this.#key = key;
  }

  get client(): Client {
    return this.#key.client;
  }

  async open(options: KeyObjectOptions): Promise<this> {
    await this.#key.use('toKeyObject', { repeatable: true }, async (object, session) => {
      const { generation } = this.client;
      const self = new WeakRef(this); // the addon must not keep a client that was forgotten
      this.#reference = await createReference(session, object as PrivateKey, options, (error) => {
        self.deref()?.find(error);
      });
      this.#generation = generation;
    });
    return this;
  }

  get pem(): string {
    return this.#reference?.pem ?? '';
  }

  /** Finds the key again and says where it is. @param error what the key has answered, where it was tried */
  find(error?: CryptokiError): void {
    this.#finding ??= this.#find(error).finally(() => {
      this.#finding = undefined;
    });
  }

  async #find(error: CryptokiError | undefined): Promise<void> {
    const reference = this.#reference;
    if (reference === undefined) return;
    const { raw, id } = reference;
    // The client recovers from the error as from one of its own operations, unless it has done so since.
    let unhealed = this.#generation === this.client.generation ? error : undefined;
    try {
      await this.#key.use('toKeyObject', { repeatable: true }, async (object) => {
        if (unhealed !== undefined) {
          const cause = unhealed;
          unhealed = undefined;
          throw cause;
        }
        const { generation } = this.client;
        await object.attributes('class'); // it is there
        raw.updateKeyReference(id, placeOf(object as PrivateKey));
        this.#generation = generation;
      });
    } catch {
      // Told by the operation that waits for it, and by the events of the client.
      raw.updateKeyReference(id, null);
    }
  }

  /** The client has recovered or logged in: the handle may be worth nothing. */
  refresh(): void {
    if (this.#reference === undefined || this.#generation === this.client.generation) return;
    this.#reference.raw.invalidateKeyReference(this.#reference.id);
    this.find();
  }

  closeIdleSessions(): void {
    this.#reference?.raw.closeIdleKeySessions(this.#reference.id, IDLE_TIME);
  }

  release(): void {
    this.#reference?.raw.releaseKeyReference(this.#reference.id);
    this.#reference = undefined;
  }
}

/** Those of all clients that are open. */
const unreleased = new Set<ClientReferences>();

/** Node waits for libuv's threads before it exits, and nobody gets anything back for them any more. */
function releaseAtExit(): void {
  for (const references of unreleased) references.release();
}

/** All of one client, by key. */
class ClientReferences {
  readonly #references = new Map<string, Promise<ClientReference>>();
  readonly #open = new Set<ClientReference>();
  readonly #sweeper: NodeJS.Timeout;
  #isReleased = false;

  constructor(client: Client) {
    const refresh = (): void => {
      for (const reference of this.#open) reference.refresh();
    };
    client.on('recovered', refresh);
    client.on('login', refresh);
    if (unreleased.size === 0) process.once('exit', releaseAtExit);
    unreleased.add(this);
    this.#sweeper = setInterval(() => {
      for (const reference of this.#open) reference.closeIdleSessions();
    }, SWEEP_INTERVAL).unref();
  }

  of(key: ClientPrivateKey, name: string, options: KeyObjectOptions): Promise<ClientReference> {
    let reference = this.#references.get(name);
    if (reference === undefined) {
      reference = new ClientReference(key).open(options).then((opened) => {
        if (this.#isReleased) opened.release();
        else this.#open.add(opened);
        return opened;
      });
      this.#references.set(name, reference);
      reference.catch(() => this.#references.delete(name));
    }
    return reference;
  }

  release(): void {
    this.#isReleased = true;
    unreleased.delete(this);
    if (unreleased.size === 0) process.off('exit', releaseAtExit);
    clearInterval(this.#sweeper);
    for (const reference of this.#open) reference.release();
    this.#open.clear();
    this.#references.clear();
  }
}

const all = new WeakMap<Client, ClientReferences>();
/** Keys that are in no way told from others have a reference each. */
const own = new WeakMap<ClientPrivateKey, string>();
let count = 0;

/** The same for all objects of the client that stand for the same key. */
function nameOf(key: ClientPrivateKey): string {
  const { id, label, keyType, isTokenObject } = key;
  if (isTokenObject && (id?.length || label)) {
    return createHash('sha256')
      .update(JSON.stringify([id?.toString('hex'), label, keyType]))
      .digest('hex');
  }
  let name = own.get(key);
  if (name === undefined) {
    count += 1;
    name = `#${count}`;
    own.set(key, name);
  }
  return name;
}

async function referenceOf(key: ClientPrivateKey, options: KeyObjectOptions): Promise<ClientReference> {
  checkKeyObjectOptions(options);
  const { client } = key;
  let references = all.get(client);
  if (references === undefined) {
    references = new ClientReferences(client);
    all.set(client, references);
  }
  return references.of(key, nameOf(key), options);
}

/** See ClientPrivateKey.tlsKey. */
export async function clientTlsKey(key: ClientPrivateKey, options: KeyObjectOptions = {}): Promise<string> {
  return (await referenceOf(key, options)).pem;
}

/** See ClientPrivateKey.toKeyObject. */
export async function clientKeyObject(
  key: ClientPrivateKey,
  options: KeyObjectOptions = {},
): Promise<KeyObject> {
  requireKeyObjects();
  return keyObjectOf((await referenceOf(key, options)).pem);
}

/** The client is closed: its keys give errors from now on. */
export function releaseReferences(client: Client): void {
  all.get(client)?.release();
  all.delete(client);
}
