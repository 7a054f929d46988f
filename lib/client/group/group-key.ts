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
 * A private key that is on several tokens. Each operation is done by one of them; if that one fails, by another, but not for
 * a key with CKA_ALWAYS_AUTHENTICATE.
 */
export class GroupPrivateKey extends GroupObject {
  /** Signs a message; see ClientPrivateKey.sign. */
  sign(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Buffer> {
    const message = copy(data);
    return this.operateWith(algorithm, options, (key, mechanism, its) =>
      (key as ClientPrivateKey).sign(mechanism, message, its),
    );
  }

  /** Decrypts; see ClientPrivateKey.decrypt. */
  decrypt(algorithm: MechanismInput, encryptedData: BytesLike, options?: OperationOptions): Promise<Buffer> {
    const message = copy(encryptedData);
    return this.operateWith(algorithm, options, (key, mechanism, its) =>
      (key as ClientPrivateKey).decrypt(mechanism, message, its),
    );
  }
}

/** A public key that is on several tokens. */
export class GroupPublicKey extends GroupObject {
  /** Verifies a signature on a token; see PublicKey.verify. */
  verify(
    algorithm: MechanismInput,
    data: BytesLike,
    signature: BytesLike,
    options?: OperationOptions,
  ): Promise<boolean> {
    const [message, its] = [copy(data), copy(signature)];
    return this.operateWith(algorithm, options, (key, mechanism, how) =>
      (key as ClientPublicKey).verify(mechanism, message, its, how),
    );
  }

  /** Encrypts on a token; see PublicKey.encrypt. */
  encrypt(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Buffer> {
    const message = copy(data);
    return this.operateWith(algorithm, options, (key, mechanism, its) =>
      (key as ClientPublicKey).encrypt(mechanism, message, its),
    );
  }

  /** The key as a public KeyObject of node:crypto; see PublicKey.toKeyObject. */
  toKeyObject(options?: OperationOptions): Promise<KeyObject> {
    return this.operate(options, (key, its) => (key as ClientPublicKey).toKeyObject(its));
  }
}

/** A secret key that is on several tokens. */
export class GroupSecretKey extends GroupObject {
  /** Encrypts; see SecretKey.encrypt. */
  encrypt(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Ciphertext> {
    const message = copy(data);
    return this.operateWith(algorithm, options, (key, mechanism, its) =>
      (key as ClientSecretKey).encrypt(mechanism, message, its),
    );
  }

  /** Decrypts; see SecretKey.decrypt. */
  decrypt(algorithm: MechanismInput, encryptedData: BytesLike, options?: OperationOptions): Promise<Buffer> {
    const message = copy(encryptedData);
    return this.operateWith(algorithm, options, (key, mechanism, its) =>
      (key as ClientSecretKey).decrypt(mechanism, message, its),
    );
  }

  /** Makes a MAC; see SecretKey.sign. */
  sign(algorithm: MechanismInput, data: BytesLike, options?: OperationOptions): Promise<Buffer> {
    const message = copy(data);
    return this.operateWith(algorithm, options, (key, mechanism, its) =>
      (key as ClientSecretKey).sign(mechanism, message, its),
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
    return this.operateWith(algorithm, options, (key, mechanism, how) =>
      (key as ClientSecretKey).verify(mechanism, message, mac, how),
    );
  }
}

/** A certificate that is on several tokens. */
export class GroupCertificate extends GroupObject {
  /** The certificate as node:crypto has it; see Certificate.toX509. */
  toX509(options?: OperationOptions): Promise<X509Certificate> {
    return this.operate(options, (object, its) => (object as ClientCertificate).toX509(its));
  }
}
