import type { KeyObject, X509Certificate } from 'node:crypto';
import { addCapabilities } from '../../core/capabilities';
import type { OperationOptions } from '../client-types';
import type { ClientCertificate, ClientPublicKey } from '../objects/client-objects';
import {
  type DecryptOperation,
  type DeriveBitsOperation,
  decryptOperation,
  deriveBitsOperation,
  type EncryptOperation,
  encryptOperation,
  type SignDigestOperation,
  type SignOperation,
  signDigestOperation,
  signOperation,
  type VerifyDigestOperation,
  type VerifyOperation,
  verifyDigestOperation,
  verifyOperation,
} from '../objects/key-operations';
import { GroupObject } from './group-object';

/**
 * A private key on several tokens. Each operation runs on one of them and, if that one fails, on another. The operations of a key
 * with CKA_ALWAYS_AUTHENTICATE are not repeated.
 */
export class GroupPrivateKey extends GroupObject {}

export interface GroupPrivateKey
  extends SignOperation,
    SignDigestOperation,
    DecryptOperation,
    DeriveBitsOperation {}
addCapabilities(GroupPrivateKey, signOperation, signDigestOperation, decryptOperation, deriveBitsOperation);

/** A public key on several tokens. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: addCapabilities() adds the methods
export class GroupPublicKey extends GroupObject {
  /** Returns the key as a public KeyObject of node:crypto; see PublicKey.toKeyObject. */
  toKeyObject(options?: OperationOptions): Promise<KeyObject> {
    return this.onMember(options, (key, memberOptions) =>
      (key as ClientPublicKey).toKeyObject(memberOptions),
    );
  }
}

export interface GroupPublicKey extends VerifyOperation, VerifyDigestOperation, EncryptOperation {}
addCapabilities(GroupPublicKey, verifyOperation, verifyDigestOperation, encryptOperation);

/** A secret key on several tokens. */
export class GroupSecretKey extends GroupObject {}

export interface GroupSecretKey
  extends SignOperation,
    VerifyOperation,
    EncryptOperation,
    DecryptOperation,
    DeriveBitsOperation {}
addCapabilities(
  GroupSecretKey,
  signOperation,
  verifyOperation,
  encryptOperation,
  decryptOperation,
  deriveBitsOperation,
);

/** A certificate on several tokens. */
export class GroupCertificate extends GroupObject {
  /** Returns the certificate as an X509Certificate of node:crypto; see Certificate.toX509. */
  toX509(options?: OperationOptions): Promise<X509Certificate> {
    return this.onMember(options, (object, memberOptions) =>
      (object as ClientCertificate).toX509(memberOptions),
    );
  }
}
