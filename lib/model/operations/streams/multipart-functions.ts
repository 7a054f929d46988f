/** The functions of multi-part operations, by operation. */
import { timingSafeEqual } from 'node:crypto';
import { type CryptokiError, isCode } from '../../../core/errors';
import { OPERATIONS } from '../../../generated/operations';
import type { RawMechanism, RawModule } from '../../../raw';
import { isMac } from '../../../raw/process-state';
import { wrongCiphertext } from '../../mechanisms/padding';
import { isOtherLength } from '../../mechanisms/signature';
import type { ModelObject } from '../../model-types';
import { plainForm } from '../ecdsa-operation';
import { isImpossible, signatureLength } from '../signature-length';

/** Init, Update and Final of one operation (PKCS#11 3.1, sections 5.8 to 5.15). */
export interface MultipartFunctions<T> {
  readonly name: keyof typeof OPERATIONS;
  /** The flag of C_SessionCancel. */
  readonly flag: number;
  init(raw: RawModule, session: bigint, mechanism: RawMechanism, key: bigint): Promise<void>;
  update(raw: RawModule, session: bigint, part: readonly Uint8Array[]): Promise<Buffer | undefined>;
  final(raw: RawModule, session: bigint, signature: Buffer | undefined): Promise<T>;
  /** Reads attributes of the key that {@link early} needs, before Init. */
  prepare?(key: ModelObject, mechanism: RawMechanism): unknown;
  /** Returns the result if it is known before Final; the operation is cancelled then. */
  early?(key: ModelObject, mechanism: RawMechanism, signature: Buffer): Promise<T | undefined>;
  /** Returns the error for a message of an impossible length. */
  lengthError?(mechanism: RawMechanism, length: number): CryptokiError | undefined;
  /** Converts the result to the form that the caller receives. */
  finish?(key: ModelObject, mechanism: RawMechanism, result: T): Promise<T>;
}

type Operation = (typeof OPERATIONS)[keyof typeof OPERATIONS];
/** The Init functions, with the same parameters; C_DigestInit does not read the key. */
type InitFunctions = Record<
  Operation['init'],
  (session: bigint, mechanism: RawMechanism, key: bigint) => Promise<void>
>;

/** Returns Init and Update of an operation. C_SignUpdate, C_VerifyUpdate and C_DigestUpdate have no result. */
function parts({
  name,
  flag,
  init,
  update,
}: Operation): Pick<MultipartFunctions<never>, 'name' | 'flag' | 'init' | 'update'> {
  return {
    name,
    flag,
    init: (raw: InitFunctions, session, mechanism, key) => raw[init](session, mechanism, key),
    update: (raw, session, part) => raw[update](session, part) as Promise<Buffer | undefined>,
  };
}

/** Returns the functions of an operation whose Final function returns bytes. */
function withResult(operation: Exclude<Operation, typeof OPERATIONS.Verify>): MultipartFunctions<Buffer> {
  return { ...parts(operation), final: (raw, session) => raw[operation.final](session) };
}

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
  ...withResult(OPERATIONS.Sign),
  finish: (key, mechanism, signature) => plainForm(key, mechanism, signature, undefined),
};

export const VERIFY: MultipartFunctions<boolean> = {
  ...parts(OPERATIONS.Verify),
  final: (raw, session, signature) => verified(raw.C_VerifyFinal(session, signature ?? Buffer.alloc(0))),
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
    return (this.#signs ? SIGN : VERIFY).flag;
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
}

/** Returns the functions that verify signatures by this mechanism. */
export function verification({ mechanism }: RawMechanism): MultipartFunctions<boolean> {
  return isMac(Number(mechanism)) ? new MacVerification() : VERIFY;
}

export const DIGEST = withResult(OPERATIONS.Digest);

export const ENCRYPT = withResult(OPERATIONS.Encrypt);

export const DECRYPT: MultipartFunctions<Buffer> = {
  ...withResult(OPERATIONS.Decrypt),
  lengthError: wrongCiphertext,
};
