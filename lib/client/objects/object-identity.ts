/** The identity of a token object of a client: attributes by which it is found after a loss, and proofs that it is the same. */
import { isBytes, viewOf } from '../../core/arguments';
import { type CryptokiError, ownError } from '../../core/errors';
import { CKA } from '../../generated/constants';
import type { Attributes } from '../../model/attributes';
import { findObjects, nounOf } from '../../model/objects/find-objects';
import { type Fingerprint, fingerprintOf } from '../../model/objects/fingerprint';
import type { KeyType, ObjectClass } from '../../model/objects/identity';
import type { StorageObject } from '../../model/objects/storage-object';
import { areSufficient, isSame, mayBeSame, readTraits, type Traits } from '../../model/objects/traits';
import type { Session } from '../../model/session';
import type { ClientMembers } from '../client-types';

/** Types of keys with a limited number of signatures: a signature is not repeated. */
export const STATEFUL = ['HSS', 'XMSS', 'XMSSMT'];

/** The attributes by which an object is found. A label that is not UTF-8 is kept as bytes. */
interface ObjectName {
  readonly label: string | Uint8Array | undefined;
  readonly id: Uint8Array | undefined;
}

/** The attributes of an object that are known without a call. */
interface Description {
  readonly class: ObjectClass | undefined;
  readonly keyType: KeyType | undefined;
  readonly label: string | undefined;
  readonly id: Buffer | undefined;
}

/** Limit of changes that are kept although their result is unknown. */
const MAX_UNCERTAIN_CHANGES = 8;

/** The character that decoding puts in place of bytes that are not UTF-8. */
const REPLACEMENT = '\ufffd';

type PendingFingerprint = Promise<Fingerprint | undefined>;

/** Fingerprints of one generation of a client, by handle, for programs that find the same key many times. */
const fingerprints = new WeakMap<
  ClientMembers,
  { generation: number; byHandle: Map<bigint, PendingFingerprint> }
>();

function cachedFingerprint(client: ClientMembers, object: StorageObject, traits: Traits): PendingFingerprint {
  const { generation } = client;
  let cache = fingerprints.get(client);
  if (cache?.generation !== generation) {
    cache = { generation, byHandle: new Map() };
    fingerprints.set(client, cache);
  }
  const { byHandle } = cache;
  let fingerprint = byHandle.get(object.handle);
  if (fingerprint === undefined) {
    fingerprint = fingerprintOf(object, traits.ecParams);
    byHandle.set(object.handle, fingerprint);
    fingerprint.catch(() => byHandle.delete(object.handle));
  }
  return fingerprint;
}

/** Reads the bytes of CKA_LABEL. */
async function labelBytes({ session, handle }: StorageObject): Promise<Buffer | undefined> {
  const [read] = await session.use().C_GetAttributeValue(session.name, handle, [CKA.LABEL], true);
  return read !== undefined && 'value' in read && Buffer.isBuffer(read.value) ? read.value : undefined;
}

/** The identity of one token object. */
export class ObjectIdentity {
  readonly #client: ClientMembers;
  readonly #class: ObjectClass | undefined;
  readonly #keyType: KeyType | undefined;
  #name: ObjectName;
  /** Changes of the name without a result, or with an error. The object may have the changed name. */
  readonly #uncertainChanges = new Set<Partial<ObjectName>>();
  #traits: Traits | undefined;
  /** Null for a key without any operation whose result can be compared. */
  #fingerprint: Fingerprint | null | undefined;

  constructor(client: ClientMembers, { class: objectClass, keyType, label, id }: Description) {
    this.#client = client;
    this.#class = objectClass;
    this.#keyType = keyType;
    this.#name = { label, id };
  }

  /** Returns true when {@link learn} would read nothing more. @param fully true if a trial of the key is allowed */
  isKnown(fully: boolean): boolean {
    if (this.#traits === undefined) return false;
    return !fully || this.#fingerprint !== undefined || !this.#isWorthTrying(this.#traits);
  }

  /** Reads what proves the object later. @param object with a valid handle @param fully true if a trial of the key is allowed */
  async learn(object: StorageObject, fully: boolean): Promise<void> {
    await this.learnLabel(object);
    this.#traits ??= await readTraits(object);
    if (!this.isKnown(fully)) {
      this.#fingerprint = (await cachedFingerprint(this.#client, object, this.#traits)) ?? null;
    }
  }

  /** Reads the bytes of a label that is not UTF-8. */
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

  /** Notes that a change of label or id begins. @returns a function to call when the change has succeeded */
  rename({ label, id }: Attributes): () => void {
    const change = {
      ...(typeof label === 'string' ? { label } : isBytes(label) ? { label: viewOf(label) } : {}),
      ...(isBytes(id) ? { id: viewOf(id) } : {}),
    };
    if (Object.keys(change).length === 0) return () => {};
    const changes = this.#uncertainChanges;
    changes.add(change);
    if (changes.size > MAX_UNCERTAIN_CHANGES) changes.delete(changes.values().next().value ?? change);
    return () => {
      changes.delete(change);
      this.#name = { ...this.#name, ...change };
    };
  }

  /**
   * Finds the object again.
   * @throws ERR_CRYPTOKI_OBJECT_NOT_FOUND when no object with its name is proved to be the same; ERR_CRYPTOKI_OBJECT_AMBIGUOUS;
   *   ERR_CRYPTOKI_OBJECT_DEAD when it has neither label nor id
   */
  async find(session: Session): Promise<StorageObject> {
    const changed = [...this.#uncertainChanges].map((change) => ({ ...this.#name, ...change }));
    const names = [this.#name, ...changed];
    if (!names.some(({ label, id }) => label?.length || id?.length)) {
      throw ownError(
        'ERR_CRYPTOKI_OBJECT_DEAD',
        'the object has neither label nor id, so it cannot be found again after its sessions were lost; search for it again',
      );
    }
    const candidates = new Map<bigint, StorageObject>();
    for (const name of names) {
      for (const object of await this.#search(session, name)) candidates.set(object.handle, object);
    }
    const proved: StorageObject[] = [];
    for (const object of candidates.values()) if (await this.#proves(object)) proved.push(object);
    const [only] = proved;
    if (only !== undefined && proved.length === 1) return only;
    throw this.#notFound(session, names, candidates.size, proved.length);
  }

  #search(session: Session, { label, id }: ObjectName): Promise<StorageObject[]> {
    const attributes: Attributes = {
      token: true,
      ...(this.#class === undefined ? {} : { class: this.#class }),
      ...(label === undefined ? {} : { label }),
      ...(id === undefined ? {} : { id }),
      ...(this.#keyType === undefined ? {} : { keyType: this.#keyType }),
    };
    return findObjects(session, attributes, {});
  }

  /** Returns true when an object is proved to be this one. */
  async #proves(object: StorageObject): Promise<boolean> {
    if (this.#traits === undefined) return false;
    const traits = await readTraits(object);
    const known = isSame(this.#traits, traits);
    if (known !== undefined) return known;
    if (this.#fingerprint) return this.#fingerprint.fits(object);
    return this.isKnown(true) && mayBeSame(this.#traits, traits);
  }

  #notFound(
    session: Session,
    names: readonly ObjectName[],
    candidates: number,
    proved: number,
  ): CryptokiError {
    const noun = nounOf(this.#class);
    const place = `on token "${session.token.label}"`;
    const search = `searched for ${names.map(describe).join(', or ')}`;
    if (proved > 1) {
      return ownError(
        'ERR_CRYPTOKI_OBJECT_AMBIGUOUS',
        `more than one ${noun} ${place} matches (${search}); search for it again by attributes in which they differ`,
      );
    }
    const count = candidates === 1 ? 'one object has' : `${candidates} objects have`;
    const result = this.isKnown(true)
      ? 'but proved to be another one'
      : 'but the client has not used it before the loss, so it cannot be proved to be the same';
    const others = candidates === 0 ? '' : `; ${count} that name, ${result}`;
    const hint = session.state.includes('PUBLIC_SESSION')
      ? '; nobody is logged in, so private objects are not visible'
      : '';
    return ownError(
      'ERR_CRYPTOKI_OBJECT_NOT_FOUND',
      `the ${noun} does not exist any more ${place} (${search}${others})${hint}; search for it again`,
    );
  }
}

/** Names an object in errors: label "signing" and id 0102. */
function describe({ label, id }: ObjectName): string {
  const text = typeof label === 'string' ? label : label && Buffer.from(label).toString('latin1');
  return [
    ...(text === undefined ? [] : [`label "${text}"`]),
    ...(id === undefined ? [] : [`id ${Buffer.from(id).toString('hex') || '(empty)'}`]),
  ].join(' and ');
}
