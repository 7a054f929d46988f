/** Signing and verifying part by part, on a session of the caller or of a client. */
import { bytesOf, requireOptions } from '../../../core/arguments';
import { ownError } from '../../../core/errors';
import { isPromise } from '../../../core/realms';
import type { Named } from '../../../generated/attributes';
import { CKM } from '../../../generated/constants';
import type { BytesLike, RawMechanism } from '../../../raw/values';
import { checkKeyType } from '../../mechanisms/families';
import type { Mechanism, MechanismInput } from '../../mechanisms/mechanism';
import {
  chooseSignatureMethod,
  isOtherLength,
  prepareSignature,
  type SignatureMethod,
} from '../../mechanisms/signature';
import type { ModelToken } from '../../model-types';
import { HashSink, type Opener, type Sink } from './part-sink';
import type { StreamOptions } from './stream-options';

const EMPTY = Buffer.alloc(0);

/** The mechanism with which a message is signed or verified part by part, and its input. */
export interface StreamPlan extends SignatureMethod {
  /** See PreparedSignature. */
  readonly macLength: number | undefined;
}

/** Begins the operation of a stream on a session; see {@link Opener}. */
export type BeginPlan<T> = (
  mechanism: RawMechanism,
  signal: AbortSignal,
  lost: (error: unknown) => void,
) => Promise<Sink<T>>;

/** The operation of a stream, and the type of its key. */
export interface StreamPurpose {
  readonly operation: 'Sign' | 'Verify';
  readonly keyType: Named<'CKK'> | undefined;
}

function planFor(
  input: MechanismInput,
  available: ReadonlySet<number>,
  { operation, keyType }: StreamPurpose,
): StreamPlan {
  const plan = chooseSignatureMethod(input, available);
  const isNamed = typeof input === 'string' || !('mechanism' in input);
  if (isNamed && plan.mechanism.mechanism === CKM.EDDSA) {
    throw ownError(
      'ERR_CRYPTOKI_UNSUPPORTED',
      'EdDSA needs the message in one piece; use sign() or verify(). For a module that supports EdDSA part by part, give ' +
        "{ mechanism: 'EDDSA' }",
    );
  }
  checkKeyType(operation, input, plan.mechanism.mechanism, keyType);
  return { ...plan, macLength: prepareSignature(input, available, EMPTY).macLength };
}

/**
 * Chooses a mechanism of the token with which a stream signs or verifies; a promise if its mechanisms were not read before.
 * @throws TypeError ERR_INVALID_ARG_VALUE for an unknown name; CKR_KEY_TYPE_INCONSISTENT; ERR_CRYPTOKI_UNSUPPORTED if the
 *   token has no mechanism for it, and for EdDSA
 */
export function planStream(
  token: ModelToken,
  input: MechanismInput,
  purpose: StreamPurpose,
): StreamPlan | Promise<StreamPlan> {
  const available = token.mechanismSet();
  if (!isPromise(available)) return planFor(input, available, purpose);
  const plan = available.then((set) => planFor(input, set, purpose));
  plan.catch(() => {}); // its error is thrown when the stream begins
  return plan;
}

/** Returns an opener that signs on a session, or signs a digest by node:crypto if the token signs digests only. */
export function openSign(
  planned: StreamPlan | Promise<StreamPlan>,
  begin: BeginPlan<Buffer>,
  signDigest: (mechanism: Mechanism, digest: Buffer) => Promise<Buffer>,
): Opener<Buffer> {
  return async (signal, lost) => {
    const { mechanism, hash, prefix } = await planned;
    if (hash === undefined) return begin(mechanism, signal, lost);
    return new HashSink(hash, prefix, (digest) => signDigest(asInput(mechanism), digest));
  };
}

/** Returns an opener that verifies, as that of {@link openSign} signs. */
export function openVerify(
  planned: StreamPlan | Promise<StreamPlan>,
  begin: BeginPlan<boolean>,
  verifyDigest: (mechanism: Mechanism, digest: Buffer, signature: Buffer) => Promise<boolean>,
): Opener<boolean> {
  return async (signal, lost) => {
    const { mechanism, hash, prefix, macLength } = await planned;
    if (hash === undefined) return new VerifySink(await begin(mechanism, signal, lost), macLength);
    const sink = new HashSink(hash, prefix, (digest, signature = EMPTY) =>
      verifyDigest(asInput(mechanism), digest, signature),
    );
    return new VerifySink(sink, undefined);
  };
}

/** Checks at the end that there is a signature. Returns false for a MAC of a wrong length without a call. */
class VerifySink implements Sink<boolean> {
  readonly #sink: Sink<boolean>;
  readonly #macLength: number | undefined;

  constructor(sink: Sink<boolean>, macLength: number | undefined) {
    this.#sink = sink;
    this.#macLength = macLength;
  }

  get usesSession(): boolean {
    return this.#sink.usesSession;
  }

  update(part: readonly Uint8Array[]): Promise<Buffer | undefined> {
    return this.#sink.update(part);
  }

  async final(signature: Buffer | undefined): Promise<boolean> {
    if (signature === undefined) {
      throw ownError(
        'ERR_CRYPTOKI_UNSUPPORTED',
        'the stream has ended without a signature; give it to createVerify(), or to final()',
      );
    }
    if (!isOtherLength(signature, this.#macLength)) return this.#sink.final(signature);
    await this.#sink.cancel(undefined);
    return false;
  }

  cancel(error: unknown): Promise<void> {
    return this.#sink.cancel(error);
  }
}

/** Converts a mechanism to an input, which may also have a number in place of the name. */
const asInput = (mechanism: RawMechanism): Mechanism => mechanism as Mechanism;

/**
 * Checks the options of a stream.
 * @param more names of further options
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function checkOptions(options: StreamOptions, ...more: string[]): void {
  requireOptions(options, 'the options of the stream', ['signal', ...more]);
}

/**
 * Copies a signature, which the caller may change later.
 * @throws TypeError ERR_INVALID_ARG_TYPE
 */
export function copySignature(signature: BytesLike | undefined): Buffer | undefined {
  return signature === undefined ? undefined : Buffer.from(bytesOf(signature, 'the signature'));
}
