/**
 * The members of the model's public classes that its parts use. The parts take these interfaces in place of the classes, so
 * that no part imports a class which imports the part.
 */
import type { KeyObject, X509Certificate } from 'node:crypto';
import type { RawModule } from '../raw/raw-module';
import type { BytesLike } from '../raw/values';
import type { AllAttributeValues, AttributeName, Attributes } from './attributes';
import type { MechanismInput } from './mechanisms/mechanism';
import type { Identity } from './objects/identity';
import type { SessionState, User } from './session-types';
import type { TokenInfo } from './token-info';

/** The members of Module. */
export interface ModelModule {
  readonly raw: RawModule;
  readonly closed: boolean;
  use(): RawModule;
}

/** The members of Slot. */
export interface ModelSlot {
  readonly module: ModelModule;
  readonly id: bigint;
  readonly sessions: Iterable<ModelSession>;
  readonly login: { readonly user: User | undefined; readonly epoch: number; update(): void };
  readonly loginRequired: boolean;
}

/** The members of Token. */
export interface ModelToken {
  readonly slot: ModelSlot;
  readonly label: string;
  readonly serialNumber: string;
  readonly model: string;
  readonly manufacturer: string;
  readonly initialized: boolean;
  readonly identity: string;
  readonly user: User | undefined;
  info(): Promise<TokenInfo>;
  mechanismSet(): ReadonlySet<number> | Promise<ReadonlySet<number>>;
  mechanismSetSync(): ReadonlySet<number>;
}

/** An object that a call has just created. */
export interface MadeObject {
  /** CK_OBJECT_HANDLE */
  readonly handle: bigint;
  /** The attributes that were requested. */
  readonly requested: Attributes;
  /** The epoch of the login before the call. */
  readonly loginEpoch: number;
}

/** The members of Session. */
export interface ModelSession {
  readonly token: ModelToken;
  readonly handle: bigint;
  readonly name: bigint;
  readonly readWrite: boolean;
  readonly closed: boolean;
  readonly state: SessionState;
  use(): RawModule;
  report(state: SessionState): void;
  close(): Promise<void>;
  find(attributes: Attributes): Promise<readonly ModelObject[]>;
  adoptMade(made: MadeObject): Promise<ModelObject>;
}

/** The members of StorageObject. */
export interface ModelObject {
  readonly session: ModelSession;
  readonly handle: bigint;
  readonly label: string | undefined;
  readonly id: Buffer | undefined;
  readonly isTokenObject: boolean;
  readonly isPrivate: boolean;
  /** CKA_CLASS */
  readonly class: string | number | undefined;
  /** The attributes that were read when the object was found or created. */
  readonly identity: Identity;
  /** Shared by all JavaScript objects for the same object of the token. */
  readonly life: object;
  use(): RawModule;
  on(session: ModelSession): ModelObject;
  attributes<Name extends AttributeName>(
    ...names: readonly Name[]
  ): Promise<Partial<Pick<AllAttributeValues, Name>>>;
}

/** The members of Key. */
export interface ModelKey extends ModelObject {
  /** CKA_KEY_TYPE */
  readonly keyType: string | number | undefined;
}

/** A key that signs; a key with CKA_ALWAYS_AUTHENTICATE needs the PIN for each operation. */
export interface SigningKey extends ModelKey {
  sign(algorithm: MechanismInput, data: BytesLike, login?: object): Promise<Buffer>;
}

/** A key that verifies. */
export interface VerifyingKey extends ModelKey {
  verify(algorithm: MechanismInput, data: BytesLike, signature: BytesLike): Promise<boolean>;
}

/** The members of PrivateKey. */
export interface ModelPrivateKey extends SigningKey {
  decrypt(algorithm: MechanismInput, encryptedData: BytesLike): Promise<Buffer>;
}

/** The members of PublicKey. */
export interface ModelPublicKey extends ModelKey {
  toKeyObject(): Promise<KeyObject>;
}

/** The members of Certificate. */
export interface ModelCertificate extends ModelObject {
  toX509(): Promise<X509Certificate>;
}
