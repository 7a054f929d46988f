/** The functions of multi-part operations, by what they do. */
import { isCode } from '../../../core/errors';
import { CKF } from '../../../generated/constants';
import type { RawMechanism, RawModule } from '../../../raw';

/** Init, Update and Final of one kind of operation (PKCS#11 3.1, sections 5.8 to 5.15). */
export interface Kind<T> {
  readonly name: 'Sign' | 'Verify' | 'Digest' | 'Encrypt' | 'Decrypt';
  /** For C_SessionCancel. */
  readonly flag: number;
  init(raw: RawModule, session: bigint, mechanism: RawMechanism, key: bigint): Promise<void>;
  update(raw: RawModule, session: bigint, part: readonly Uint8Array[]): Promise<Buffer | undefined>;
  final(raw: RawModule, session: bigint, signature: Buffer | undefined): Promise<T>;
  /** The operation on an empty message in one piece: ends what Final does not. */
  whole(raw: RawModule, session: bigint): Promise<T>;
}

/** C_DigestUpdate and its like give nothing. */
const nothing = (): undefined => undefined;
const EMPTY = Buffer.alloc(0);

async function verified(answer: Promise<void>): Promise<boolean> {
  try {
    await answer;
    return true;
  } catch (error) {
    if (isCode(error, 'CKR_SIGNATURE_INVALID', 'CKR_SIGNATURE_LEN_RANGE')) return false;
    throw error;
  }
}

export const SIGN: Kind<Buffer> = {
  name: 'Sign',
  flag: CKF.SIGN,
  init: (raw, session, mechanism, key) => raw.C_SignInit(session, mechanism, key),
  update: (raw, session, part) => raw.C_SignUpdate(session, part).then(nothing),
  final: (raw, session) => raw.C_SignFinal(session),
  whole: (raw, session) => raw.C_Sign(session, EMPTY),
};

export const VERIFY: Kind<boolean> = {
  name: 'Verify',
  flag: CKF.VERIFY,
  init: (raw, session, mechanism, key) => raw.C_VerifyInit(session, mechanism, key),
  update: (raw, session, part) => raw.C_VerifyUpdate(session, part).then(nothing),
  final: (raw, session, signature) => verified(raw.C_VerifyFinal(session, signature ?? EMPTY)),
  whole: (raw, session) => verified(raw.C_Verify(session, EMPTY, EMPTY)),
};

export const DIGEST: Kind<Buffer> = {
  name: 'Digest',
  flag: CKF.DIGEST,
  init: (raw, session, mechanism) => raw.C_DigestInit(session, mechanism),
  update: (raw, session, part) => raw.C_DigestUpdate(session, part).then(nothing),
  final: (raw, session) => raw.C_DigestFinal(session),
  whole: (raw, session) => raw.C_Digest(session, EMPTY),
};

export const ENCRYPT: Kind<Buffer> = {
  name: 'Encrypt',
  flag: CKF.ENCRYPT,
  init: (raw, session, mechanism, key) => raw.C_EncryptInit(session, mechanism, key),
  update: (raw, session, part) => raw.C_EncryptUpdate(session, part),
  final: (raw, session) => raw.C_EncryptFinal(session),
  whole: (raw, session) => raw.C_Encrypt(session, EMPTY),
};

export const DECRYPT: Kind<Buffer> = {
  name: 'Decrypt',
  flag: CKF.DECRYPT,
  init: (raw, session, mechanism, key) => raw.C_DecryptInit(session, mechanism, key),
  update: (raw, session, part) => raw.C_DecryptUpdate(session, part),
  final: (raw, session) => raw.C_DecryptFinal(session),
  whole: (raw, session) => raw.C_Decrypt(session, EMPTY),
};
