/** A reference to a key of a client: it follows the key through the client's recoveries. */

import type { CryptokiError } from '../../core/errors';
import { createReference, placeOf, type Reference } from '../../model/native-keys/key-reference';
import type { PrivateKey } from '../../model/objects/private-key';
import type { ClientObjectMembers } from '../client-types';
import { closedError } from './operation-runner';

/** Sessions of the provider that nobody has used for so long are closed; in milliseconds. */
const IDLE_TIME = 30_000;

function tellerOf(weak: WeakRef<ClientReference>): (error: CryptokiError | undefined) => void {
  return (error) => {
    const reference = weak.deref();
    if (error === undefined) reference?.ended();
    else reference?.find(error);
  };
}

/** One reference, and what is done to get its key back. */
export class ClientReference {
  readonly #key: ClientObjectMembers;
  readonly #gone: (self: ClientReference) => void;
  #reference: Reference | undefined;
  #generation = 0;
  #finding: Promise<void> | undefined;
  /** The claim that the reference has been made with is not taken yet. */
  #hasFirstClaim = true;
  #isNamed = false;

  /**
   * @param key which the reference keeps; a session object lives as long as the reference
   * @param gone called when the addon has let the reference go
   */
  constructor(key: ClientObjectMembers, gone: (self: ClientReference) => void) {
    this.#key = key;
    this.#gone = gone;
  }

  /** @param object the key, on a lent session */
  async open(object: PrivateKey, publicKeyInfo: Buffer): Promise<void> {
    const { client } = this.#key;
    const { generation } = client;
    const told = tellerOf(new WeakRef(this)); // the addon must not keep a client that was forgotten
    this.#reference = await createReference(object, publicKeyInfo, client.anchor, told);
    this.#generation = generation;
  }

  /** @throws ERR_CRYPTOKI_CLIENT_CLOSED */
  get pem(): string {
    if (this.#reference === undefined) throw closedError();
    return this.#reference.pem;
  }

  get publicKeyInfo(): Buffer {
    return this.#reference?.publicKeyInfo ?? Buffer.alloc(0);
  }

  /** Keeps the reference alive until {@link unclaim}. @returns whether it is still there */
  claim(): boolean {
    if (this.#hasFirstClaim) {
      this.#hasFirstClaim = false;
      return true;
    }
    return this.#reference?.raw.claimKeyReference(this.#reference.id) ?? false;
  }

  unclaim(): void {
    this.#reference?.raw.unclaimKeyReference(this.#reference.id);
  }

  /**
   * Takes over a claim that the caller has: PEM was given away, and must go on to name the key.
   * @returns whether it is the first time
   */
  name(): boolean {
    const isFirst = !this.#isNamed;
    if (!isFirst) this.unclaim();
    this.#isNamed = true;
    return isFirst;
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
    const { client } = this.#key;
    // The client recovers from the error as from one of its own operations, unless it has done so since.
    let unhealed = this.#generation === client.generation ? error : undefined;
    try {
      await this.#key.use('toKeyObject', { repeatable: true }, async (object) => {
        if (unhealed !== undefined) {
          const cause = unhealed;
          unhealed = undefined;
          throw cause;
        }
        const { generation } = client;
        await object.attributes('class'); // it is there
        raw.updateKeyReference(id, placeOf(object as PrivateKey, client.anchor));
        this.#generation = generation;
      });
    } catch {
      // Told by the operation that waits for it, and by the events of the client.
      raw.updateKeyReference(id, null);
    }
  }

  /** The client has recovered or logged in: the handle may be worth nothing. */
  refresh(): void {
    if (this.#reference === undefined || this.#generation === this.#key.client.generation) return;
    this.#reference.raw.invalidateKeyReference(this.#reference.id);
    this.find();
  }

  closeIdleSessions(): void {
    this.#reference?.raw.closeIdleKeySessions(this.#reference.id, IDLE_TIME);
  }

  /** The addon has let the reference go. */
  ended(): void {
    this.#reference = undefined;
    this.#gone(this);
  }

  /** Nobody may use the key any more. */
  release(): void {
    this.#reference?.raw.releaseKeyReference(this.#reference.id);
    this.#reference = undefined;
  }
}
