import type { KeyObject, X509Certificate } from 'node:crypto';
import { copy } from '../../model/mechanisms/caller-copies';
import type { Ciphertext } from '../../model/mechanisms/made-iv';
import type { MechanismInput } from '../../model/mechanisms/mechanism';
import type { BytesLike } from '../../raw/values';
import type { OperationOptions } from '../client-types';
import type {
  ClientCertificate,
  ClientPrivateKey,
  ClientPublicKey,
  ClientSecretKey,
} from '../objects/client-key';
import { GroupObject } from './group-object';

/**
 * A private key on several tokens. Each operation runs on one of them and, if that one fails, on another. The operations of a key
 * with CKA_ALWAYS_AUTHENTICATE are not repeated.
 */
export class GroupPrivateKey extends GroupObject {
  /** Signs a message; see ClientPrivateKey.sign. */
  sign(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Buffer> {
    const message = copy(data);
    return this.operateWith(algorithm, options, (key, mechanism, memberOptions) =>
      (key as ClientPrivateKey).sign(mechanism, message, memberOptions),
    );
  }

  /** Decrypts; see ClientPrivateKey.decrypt. */
  decrypt(algorithm: MechanismInput, encryptedData: BytesLike, options?: OperationOptions): Promise<Buffer> {
    const message = copy(encryptedData);
    return this.operateWith(algorithm, options, (key, mechanism, memberOptions) =>
      (key as ClientPrivateKey).decrypt(mechanism, message, memberOptions),
    );
  }
}

/** A public key on several tokens. */
export class GroupPublicKey extends GroupObject {
  /** Verifies a signature on a token; see PublicKey.verify. */
  verify(
    algorithm: MechanismInput,
    data: BytesLike,
    signature: BytesLike,
    options?: OperationOptions,
  ): Promise<boolean> {
    const [message, copiedSignature] = [copy(data), copy(signature)];
    return this.operateWith(algorithm, options, (key, mechanism, memberOptions) =>
      (key as ClientPublicKey).verify(mechanism, message, copiedSignature, memberOptions),
    );
  }

  /** Encrypts on a token; see PublicKey.encrypt. */
  encrypt(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Buffer> {
    const message = copy(data);
    return this.operateWith(algorithm, options, (key, mechanism, memberOptions) =>
      (key as ClientPublicKey).encrypt(mechanism, message, memberOptions),
    );
  }

  /** Returns the key as a public KeyObject of node:crypto; see PublicKey.toKeyObject. */
  toKeyObject(options?: OperationOptions): Promise<KeyObject> {
    return this.operate(options, (key, memberOptions) => (key as ClientPublicKey).toKeyObject(memberOptions));
  }
}

/** A secret key on several tokens. */
export class GroupSecretKey extends GroupObject {
  /** Encrypts; see SecretKey.encrypt. */
  encrypt(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Ciphertext> {
    const message = copy(data);
    return this.operateWith(algorithm, options, (key, mechanism, memberOptions) =>
      (key as ClientSecretKey).encrypt(mechanism, message, memberOptions),
    );
  }

  /** Decrypts; see SecretKey.decrypt. */
  decrypt(algorithm: MechanismInput, encryptedData: BytesLike, options?: OperationOptions): Promise<Buffer> {
    const message = copy(encryptedData);
    return this.operateWith(algorithm, options, (key, mechanism, memberOptions) =>
      (key as ClientSecretKey).decrypt(mechanism, message, memberOptions),
    );
  }

  /** Makes a MAC; see SecretKey.sign. */
  sign(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Buffer> {
    const message = copy(data);
    return this.operateWith(algorithm, options, (key, mechanism, memberOptions) =>
      (key as ClientSecretKey).sign(mechanism, message, memberOptions),
    );
  }

  /** Verifies a MAC; see SecretKey.verify. */
  verify(
    algorithm: MechanismInput,
    data: BytesLike,
    signature: BytesLike,
    options?: OperationOptions,
  ): Promise<boolean> {
    const [message, mac] = [copy(data), copy(signature)];
    return this.operateWith(algorithm, options, (key, mechanism, memberOptions) =>
      (key as ClientSecretKey).verify(mechanism, message, mac, memberOptions),
    );
  }
}

/** A certificate on several tokens. */
export class GroupCertificate extends GroupObject {
  /** Returns the certificate as an X509Certificate of node:crypto; see Certificate.toX509. */
  toX509(options?: OperationOptions): Promise<X509Certificate> {
    return this.operate(options, (object, memberOptions) =>
      (object as ClientCertificate).toX509(memberOptions),
    );
  }
}
