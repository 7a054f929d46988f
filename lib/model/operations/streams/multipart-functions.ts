/** The functions of multi-part operations, by operation. */
import { timingSafeEqual } from 'node:crypto';
import { type CryptokiError, isCode } from '../../../core/errors';
import { CKF } from '../../../generated/constants';
import type { RawMechanism, RawModule } from '../../../raw';
import { isMac } from '../../../raw/process-state';
import { wrongCiphertext } from '../../mechanisms/padding';
import { isOtherLength } from '../../mechanisms/signature';
import type { ModelObject } from '../../model-types';
import { plainForm } from '../ecdsa-operation';
import { isImpossible, signatureLength } from '../signature-length';

/** Init, Update and Final of one operation (PKCS#11 3.1, sections 5.8 to 5.15). */
export interface MultipartFunctions<T> {
  readonly name: 'Sign' | 'Verify' | 'Digest' | 'Encrypt' | 'Decrypt';
  /** The flag of C_SessionCancel. */
  readonly flag: number;
  init(raw: RawModule, session: bigint, mechanism: RawMechanism, key: bigint): Promise<void>;
  update(raw: RawModule, session: bigint, part: readonly Uint8Array[]): Promise<Buffer | undefined>;
  final(raw: RawModule, session: bigint, signature: Buffer | undefined): Promise<T>;
  /** Runs the operation on an empty message in one piece. It ends operations that Final does not end. */
  whole(raw: RawModule, session: bigint): Promise<T>;
  /** Reads attributes of the key that {@link early} needs, before Init. */
  prepare?(key: ModelObject, mechanism: RawMechanism): unknown;
  /** Returns the result if it is known before Final; the operation is cancelled then. */
  early?(key: ModelObject, mechanism: RawMechanism, signature: Buffer): Promise<T | undefined>;
  /** Returns the error for a message of an impossible length. */
  lengthError?(mechanism: RawMechanism, length: number): CryptokiError | undefined;
  /** Converts the result to the form that the caller receives. */
  finish?(key: ModelObject, mechanism: RawMechanism, result: T): Promise<T>;
}

/** Replaces the result of C_DigestUpdate and other functions without output. */
const noOutput = (): undefined => undefined;
const EMPTY = Buffer.alloc(0);

async function verified(result: Promise<void>): Promise<boolean> {
  try {
    await result;
    return true;
  } catch (error) {
    if (isCode(error, 'CKR_SIGNATURE_INVALID', 'CKR_SIGNATURE_LEN_RANGE')) return false;
    throw error;
  }
}

export const SIGN: MultipartFunctions<Buffer> = {
  name: 'Sign',
  flag: CKF.SIGN,
  init: (raw, session, mechanism, key) => raw.C_SignInit(session, mechanism, key),
  update: (raw, session, part) => raw.C_SignUpdate(session, part).then(noOutput),
  final: (raw, session) => raw.C_SignFinal(session),
  whole: (raw, session) => raw.C_Sign(session, EMPTY),
  finish: (key, mechanism, signature) => plainForm(key, mechanism, signature, undefined),
};

export const VERIFY: MultipartFunctions<boolean> = {
  name: 'Verify',
  flag: CKF.VERIFY,
  init: (raw, session, mechanism, key) => raw.C_VerifyInit(session, mechanism, key),
  update: (raw, session, part) => raw.C_VerifyUpdate(session, part).then(noOutput),
  final: (raw, session, signature) => verified(raw.C_VerifyFinal(session, signature ?? EMPTY)),
  whole: (raw, session) => verified(raw.C_Verify(session, EMPTY, EMPTY)),
  prepare: signatureLength,
  early: async (key, mechanism, signature) => {
    const isFalse =
      isImpossible(mechanism, signature) || isOtherLength(signature, await signatureLength(key, mechanism));
    return isFalse ? false : undefined;
  },
};

/** Verifies a MAC by computing it; if the key cannot sign, by the functions that verify signatures. */
class MacVerification implements MultipartFunctions<boolean> {
  readonly name = 'Verify';
  #signs = false;

  get flag(): number {
    return this.#signs ? CKF.SIGN : CKF.VERIFY;
  }

  async init(raw: RawModule, session: bigint, mechanism: RawMechanism, key: bigint): Promise<void> {
    this.#signs = false;
    try {
      await SIGN.init(raw, session, mechanism, key);
      this.#signs = true;
    } catch {
      await VERIFY.init(raw, session, mechanism, key);
    }
  }

  update(raw: RawModule, session: bigint, part: readonly Uint8Array[]): Promise<Buffer | undefined> {
    return (this.#signs ? SIGN : VERIFY).update(raw, session, part);
  }

  async final(raw: RawModule, session: bigint, mac: Buffer | undefined): Promise<boolean> {
    if (!this.#signs) return VERIFY.final(raw, session, mac);
    const computed = await SIGN.final(raw, session, undefined);
    return mac !== undefined && computed.length === mac.length && timingSafeEqual(computed, mac);
  }

  async whole(raw: RawModule, session: bigint): Promise<boolean> {
    if (!this.#signs) return VERIFY.whole(raw, session);
    await SIGN.whole(raw, session);
    return false;
  }
}

/** Returns the functions that verify signatures by this mechanism. */
export function verification({ mechanism }: RawMechanism): MultipartFunctions<boolean> {
  return isMac(Number(mechanism)) ? new MacVerification() : VERIFY;
}

export const DIGEST: MultipartFunctions<Buffer> = {
  name: 'Digest',
  flag: CKF.DIGEST,
  init: (raw, session, mechanism) => raw.C_DigestInit(session, mechanism),
  update: (raw, session, part) => raw.C_DigestUpdate(session, part).then(noOutput),
  final: (raw, session) => raw.C_DigestFinal(session),
  whole: (raw, session) => raw.C_Digest(session, EMPTY),
};

export const ENCRYPT: MultipartFunctions<Buffer> = {
  name: 'Encrypt',
  flag: CKF.ENCRYPT,
  init: (raw, session, mechanism, key) => raw.C_EncryptInit(session, mechanism, key),
  update: (raw, session, part) => raw.C_EncryptUpdate(session, part),
  final: (raw, session) => raw.C_EncryptFinal(session),
  whole: (raw, session) => raw.C_Encrypt(session, EMPTY),
};

export const DECRYPT: MultipartFunctions<Buffer> = {
  name: 'Decrypt',
  flag: CKF.DECRYPT,
  init: (raw, session, mechanism, key) => raw.C_DecryptInit(session, mechanism, key),
  update: (raw, session, part) => raw.C_DecryptUpdate(session, part),
  final: (raw, session) => raw.C_DecryptFinal(session),
  whole: (raw, session) => raw.C_Decrypt(session, EMPTY),
  lengthError: wrongCiphertext,
};
