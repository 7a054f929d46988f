/** A reference to a key of a client, which gets the new handle of the key after each recovery of the client. */

import type { CryptokiError } from '../../core/errors';
import { createReference, placeOf, type Reference } from '../../model/native-keys/key-reference';
import type { PrivateKey } from '../../model/objects/private-key';
import type { ClientObjectMembers } from '../client-types';
import { closedError } from './operation-runner';

/** Time without use after which the provider's sessions are closed. */
const IDLE_TIME_MS = 30_000;

/** Returns the callback of a reference. The addon keeps it, so it must not keep a client that the program has dropped. */
function callbackOf(weak: WeakRef<ClientReference>): (error: CryptokiError | undefined) => void {
  return (error) => {
    const reference = weak.deref();
    if (error === undefined) reference?.ended();
    else reference?.find(error);
  };
}

/** One reference, whose key is found again after a loss. */
export class ClientReference {
  readonly #key: ClientObjectMembers;
  readonly #onEnd: (self: ClientReference) => void;
  #reference: Reference | undefined;
  #generation = 0;
  #finding: Promise<void> | undefined;
  /** True until the claim with which the reference was created is taken. */
  #hasFirstClaim = true;
  #isNamed = false;

  /**
   * @param key the key, which the reference keeps; a session object exists as long as the reference
   * @param onEnd called when the addon has released the reference
   */
  constructor(key: ClientObjectMembers, onEnd: (self: ClientReference) => void) {
    this.#key = key;
    this.#onEnd = onEnd;
  }

  /** Creates the reference in the addon. @param object the key, on a lent session */
  async open(object: PrivateKey, publicKeyInfo: Buffer): Promise<void> {
    const { client } = this.#key;
    const { generation } = client;
    const callback = callbackOf(new WeakRef(this));
    this.#reference = await createReference(object, publicKeyInfo, client.anchor, callback);
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

  /** Keeps the reference alive until {@link unclaim}. @returns false when the addon has released it already */
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
   * Takes over a claim of the caller, because the PEM was returned to the program and must stay valid.
   * @returns true at the first call
   */
  name(): boolean {
    const isFirst = !this.#isNamed;
    if (!isFirst) this.unclaim();
    this.#isNamed = true;
    return isFirst;
  }

  /** Finds the key again and passes its place to the addon. @param error the error of an operation with the key, if there was one */
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
    // Throw the error once inside the operation, so that the client recovers from it, unless it has recovered since.
    let pendingError = this.#generation === client.generation ? error : undefined;
    try {
      await this.#key.use('toKeyObject', { repeatable: true }, async (object) => {
        if (pendingError !== undefined) {
          const cause = pendingError;
          pendingError = undefined;
          throw cause;
        }
        const { generation } = client;
        await object.attributes('class'); // fails if the handle is invalid
        raw.updateKeyReference(id, placeOf(object as PrivateKey, client.anchor));
        this.#generation = generation;
      });
    } catch {
      // The operation that waits for the key fails, and the client emits events.
      raw.updateKeyReference(id, null);
    }
  }

  /** Finds the key again after a recovery or a login, since its handle may be invalid. */
  refresh(): void {
    if (this.#reference === undefined || this.#generation === this.#key.client.generation) return;
    this.#reference.raw.invalidateKeyReference(this.#reference.id);
    this.find();
  }

  closeIdleSessions(): void {
    this.#reference?.raw.closeIdleKeySessions(this.#reference.id, IDLE_TIME_MS);
  }

  /** Notes that the addon has released the reference. */
  ended(): void {
    this.#reference = undefined;
    this.#onEnd(this);
  }

  /** Ends all use of the key through the reference. */
  release(): void {
    this.#reference?.raw.releaseKeyReference(this.#reference.id);
    this.#reference = undefined;
  }
}
