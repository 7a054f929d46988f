/** How messages are signed and verified part by part, wherever the session comes from. */
import { bytesOf, requireOptions } from '../../../core/arguments';
import { CryptokiError } from '../../../core/errors';
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

const NOTHING = Buffer.alloc(0);

/** How a message is signed or verified part by part. */
export interface StreamPlan extends SignatureMethod {
  /** See PreparedSignature. */
  readonly macLength: number | undefined;
}

/** Begins the operation of a plan on a session. */
export type BeginPlan<T> = (
  mechanism: RawMechanism,
  signal: AbortSignal,
  lost: (error: unknown) => void,
) => Promise<Sink<T>>;

/** What a stream does, and the type of its key. */
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
    throw new CryptokiError({
      code: 'ERR_CRYPTOKI_UNSUPPORTED',
      detail:
        'EdDSA takes the message in one piece: use sign() or verify(). For a module that does it part by part all the ' +
        "same, give { mechanism: 'EDDSA' }",
    });
  }
  checkKeyType(operation, input, plan.mechanism.mechanism, keyType);
  return { ...plan, macLength: prepareSignature(input, available, NOTHING).macLength };
}

/**
 * How to sign or verify part by part with what the token has; a promise when its mechanisms are not known yet.
 * @throws RangeError ERR_OUT_OF_RANGE for an unknown name; CKR_KEY_TYPE_INCONSISTENT; ERR_CRYPTOKI_UNSUPPORTED when the token
 *   cannot, and for EdDSA
 */
export function planStream(
  token: ModelToken,
  input: MechanismInput,
  purpose: StreamPurpose,
): StreamPlan | Promise<StreamPlan> {
  const available = token.mechanismSet();
  if (!isPromise(available)) return planFor(input, available, purpose);
  const plan = available.then((set) => planFor(input, set, purpose));
  plan.catch(() => {}); // told when it is needed
  return plan;
}

/** Signs: on a session, or with a digest made by Node where the token signs digests only. */
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

/** Verifies, as {@link openSign} signs. */
export function openVerify(
  planned: StreamPlan | Promise<StreamPlan>,
  begin: BeginPlan<boolean>,
  verifyDigest: (mechanism: Mechanism, digest: Buffer, signature: Buffer) => Promise<boolean>,
): Opener<boolean> {
  return async (signal, lost) => {
    const { mechanism, hash, prefix, macLength } = await planned;
    if (hash === undefined) return new VerifySink(await begin(mechanism, signal, lost), macLength);
    const sink = new HashSink(hash, prefix, (digest, signature = NOTHING) =>
      verifyDigest(asInput(mechanism), digest, signature),
    );
    return new VerifySink(sink, undefined);
  };
}

/** Asks for the signature at the end, and refuses a MAC of a wrong length before the call. */
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
      throw new CryptokiError({
        code: 'ERR_CRYPTOKI_UNSUPPORTED',
        detail: 'the stream has ended without a signature: give it to createVerify(), or to final()',
      });
    }
    if (!isOtherLength(signature, this.#macLength)) return this.#sink.final(signature);
    await this.#sink.cancel(undefined);
    return false;
  }

  cancel(error: unknown): Promise<void> {
    return this.#sink.cancel(error);
  }
}

/** A mechanism as an input: it has a number where a name is usual. */
const asInput = (mechanism: RawMechanism): Mechanism => mechanism as Mechanism;

/** @throws TypeError ERR_INVALID_ARG_TYPE */
export function checkOptions(options: StreamOptions, ...more: string[]): void {
  requireOptions(options, 'the options of the stream', ['signal', ...more]);
}

/** The signature as it is at the call. */
export function copySignature(signature: BytesLike | undefined): Buffer | undefined {
  return signature === undefined ? undefined : Buffer.from(bytesOf(signature, 'the signature'));
}
