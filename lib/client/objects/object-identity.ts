/** Token objects of a client: what they are found by after their handles may have died, and what proves them the same. */
import { isBytes, viewOf } from '../../core/arguments';
import { CryptokiError } from '../../core/errors';
import { CKA } from '../../generated/constants';
import type { Attributes } from '../../model/attributes';
import { findObjects, nounOf } from '../../model/objects/find-objects';
import { type Fingerprint, fingerprintOf } from '../../model/objects/fingerprint';
import type { KeyType, ObjectClass } from '../../model/objects/identity';
import type { StorageObject } from '../../model/objects/storage-object';
import { areSufficient, isSame, mayBeSame, readTraits, type Traits } from '../../model/objects/traits';
import type { Session } from '../../model/session';
import type { ClientMembers } from '../client-types';

/** Each signature of such a key uses it up a little: it is not made twice. */
export const STATEFUL = ['HSS', 'XMSS', 'XMSSMT'];

/** What an object is found by. A label that is not UTF-8 stays the bytes that it is. */
interface Name {
  readonly label: string | Uint8Array | undefined;
  readonly id: Uint8Array | undefined;
}

/** What an object is, as far as it is known without asking the token. */
interface Description {
  readonly class: ObjectClass | undefined;
  readonly keyType: KeyType | undefined;
  readonly label: string | undefined;
  readonly id: Buffer | undefined;
}

/** How many changes are kept of which nobody knows whether they were made. */
const MOST_OTHERS = 8;

/** Decoding has put this where the bytes were no UTF-8. */
const REPLACEMENT = '\ufffd';

/** Fingerprints by handle, of one generation of a client: a program may ask for its key again and again. */
const fingerprints = new WeakMap<ClientMembers, { generation: number; made: Map<bigint, Made> }>();
type Made = Promise<Fingerprint | undefined>;

function cachedFingerprint(client: ClientMembers, object: StorageObject, traits: Traits): Made {
  const { generation } = client;
  let cache = fingerprints.get(client);
  if (cache?.generation !== generation) {
    cache = { generation, made: new Map() };
    fingerprints.set(client, cache);
  }
  const { made } = cache;
  let fingerprint = made.get(object.handle);
  if (fingerprint === undefined) {
    fingerprint = fingerprintOf(object, traits.ecParams);
    made.set(object.handle, fingerprint);
    fingerprint.catch(() => made.delete(object.handle));
  }
  return fingerprint;
}

/** The bytes of CKA_LABEL. */
async function labelBytes({ session, handle }: StorageObject): Promise<Buffer | undefined> {
  const [read] = await session.use().C_GetAttributeValue(session.name, handle, [CKA.LABEL], true);
  return read !== undefined && 'value' in read && Buffer.isBuffer(read.value) ? read.value : undefined;
}

/** One token object: what it is called, and what is known of it. */
export class ObjectIdentity {
  readonly #client: ClientMembers;
  readonly #class: ObjectClass | undefined;
  readonly #keyType: KeyType | undefined;
  #name: Name;
  /** Names that it has if a change was made which has not been answered, or not well. */
  readonly #others = new Set<Partial<Name>>();
  #traits: Traits | undefined;
  /** Null: the key has shown nothing that could be compared. */
  #fingerprint: Fingerprint | null | undefined;

  constructor(client: ClientMembers, { class: itsClass, keyType, label, id }: Description) {
    this.#client = client;
    this.#class = itsClass;
    this.#keyType = keyType;
    this.#name = { label, id };
  }

  /** Whether there is nothing more to learn. @param fully whether the key may be tried */
  isKnown(fully: boolean): boolean {
    if (this.#traits === undefined) return false;
    return !fully || this.#fingerprint !== undefined || !this.#isWorthTrying(this.#traits);
  }

  /** Learns what proves the object later. @param object alive @param fully whether the key may be tried */
  async learn(object: StorageObject, fully: boolean): Promise<void> {
    await this.learnLabel(object);
    this.#traits ??= await readTraits(object);
    if (!this.isKnown(fully)) {
      this.#fingerprint = (await cachedFingerprint(this.#client, object, this.#traits)) ?? null;
    }
  }

  /** Learns the bytes of a label that is not UTF-8. */
  async learnLabel(object: StorageObject): Promise<void> {
    const { label } = this.#name;
    if (typeof label !== 'string' || !label.includes(REPLACEMENT)) return;
    this.#name = { ...this.#name, label: (await labelBytes(object)) ?? label };
  }

  #isWorthTrying(traits: Traits): boolean {
    const isKey = this.#class === 'PRIVATE_KEY' || this.#class === 'SECRET_KEY';
    if (!isKey || traits.alwaysAuthenticate || STATEFUL.includes(String(this.#keyType))) return false;
    return !areSufficient(traits);
  }

  /** A change of label or id begins. @returns what to call when it was made */
  rename(changes: Attributes): () => void {
    const { label, id } = changes;
    const change = {
      ...(typeof label === 'string' ? { label } : isBytes(label) ? { label: viewOf(label) } : {}),
      ...(isBytes(id) ? { id: viewOf(id) } : {}),
    };
    if (Object.keys(change).length === 0) return () => {};
    this.#others.add(change);
    if (this.#others.size > MOST_OTHERS) this.#others.delete(this.#others.values().next().value ?? change);
    return () => {
      this.#others.delete(change);
      this.#name = { ...this.#name, ...change };
    };
  }

  /**
   * Finds the object again.
   * @throws ERR_CRYPTOKI_OBJECT_NOT_FOUND when nothing of the name is proved to be it; ERR_CRYPTOKI_OBJECT_AMBIGUOUS;
   *   ERR_CRYPTOKI_OBJECT_DEAD when it has no name
   */
  async find(session: Session): Promise<StorageObject> {
    const names = [this.#name, ...[...this.#others].map((change) => ({ ...this.#name, ...change }))];
    if (!names.some(({ label, id }) => label?.length || id?.length)) {
      throw new CryptokiError({
        code: 'ERR_CRYPTOKI_OBJECT_DEAD',
        detail:
          'the object has neither label nor id, so it cannot be told from others after its sessions were lost; find it anew',
      });
    }
    const candidates = new Map<bigint, StorageObject>();
    for (const name of names) {
      for (const object of await this.#search(session, name)) candidates.set(object.handle, object);
    }
    const right: StorageObject[] = [];
    for (const object of candidates.values()) if (await this.#proves(object)) right.push(object);
    const [only] = right;
    if (only !== undefined && right.length === 1) return only;
    throw this.#notFound(session, names, candidates.size, right.length);
  }

  #search(session: Session, { label, id }: Name): Promise<StorageObject[]> {
    const like: Attributes = {
      token: true,
      ...(this.#class === undefined ? {} : { class: this.#class }),
      ...(label === undefined ? {} : { label }),
      ...(id === undefined ? {} : { id }),
      ...(this.#keyType === undefined ? {} : { keyType: this.#keyType }),
    };
    return findObjects(session, like, {});
  }

  async #proves(object: StorageObject): Promise<boolean> {
    if (this.#traits === undefined) return false;
    const traits = await readTraits(object);
    const known = isSame(this.#traits, traits);
    if (known !== undefined) return known;
    if (this.#fingerprint) return this.#fingerprint.fits(object);
    return this.isKnown(true) && mayBeSame(this.#traits, traits);
  }

  #notFound(session: Session, names: readonly Name[], candidates: number, right: number): CryptokiError {
    const noun = nounOf(this.#class);
    const where = `on token "${session.token.label}"`;
    const what = `looked again for ${names.map(describe).join(', or ')}`;
    if (right > 1) {
      return new CryptokiError({
        code: 'ERR_CRYPTOKI_OBJECT_AMBIGUOUS',
        detail: `more than one ${noun} ${where} fits (${what}); find it anew by what tells them apart`,
      });
    }
    const others =
      candidates === 0
        ? ''
        : this.isKnown(true)
          ? `; ${candidates === 1 ? 'one has' : `${candidates} have`} that name, but proved to be another`
          : `; ${candidates === 1 ? 'one has' : `${candidates} have`} that name, but it was never used, so that nothing proves it`;
    const hint = session.state.includes('PUBLIC_SESSION')
      ? '; nobody is logged in, so private objects are not seen'
      : '';
    return new CryptokiError({
      code: 'ERR_CRYPTOKI_OBJECT_NOT_FOUND',
      detail: `the ${noun} is no longer ${where} (${what}${others})${hint}; find it anew`,
    });
  }
}

/** For errors: label "signing" and id 0102. */
function describe({ label, id }: Name): string {
  const text = typeof label === 'string' ? label : label && Buffer.from(label).toString('latin1');
  return [
    ...(text === undefined ? [] : [`label "${text}"`]),
    ...(id === undefined ? [] : [`id ${Buffer.from(id).toString('hex') || '(empty)'}`]),
  ].join(' and ');
}
