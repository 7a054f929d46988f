/** Signature and MAC algorithms by name, and how a token that lacks the whole mechanism does the rest. */
import { argumentError, bytesOf, isBytes } from '../../core/arguments';
import { CryptokiError } from '../../core/errors';
import { CKM } from '../../generated/constants';
import type { RawPacked } from '../../raw/batches';
import type { RawDigest } from '../../raw/operations';
import type { BytesLike, RawMechanism } from '../../raw/values';
import { digestOf, HASHES, type Hash } from './digest';
import {
  type Algorithm,
  asAlgorithm,
  asMechanism,
  checkOptions,
  type MechanismInput,
  unknownAlgorithm,
} from './mechanism';

/** What is to be called with what: the message itself, or its digest behind `prefix`. */
export interface SignaturePlan {
  readonly mechanism: RawMechanism;
  readonly hash?: Hash;
  readonly prefix?: Buffer;
}

/** The arguments of the native job. */
export interface PreparedSignature {
  readonly mechanism: RawMechanism;
  readonly message: BytesLike;
  /** The job makes the digest of the message on the token first. */
  readonly digest?: RawDigest | undefined;
  /**
   * The only length that a MAC by this mechanism has. NSS 3.87 ignores the length of what it verifies and reads on behind
   * it, so one of another length is refused before the call.
   */
  readonly macLength?: number | undefined;
}

interface SignatureAlgorithm {
  /** Does all of it, the digest included. */
  readonly whole: number;
  /** Signs a digest; absent for MACs and EdDSA, where there is no such thing. */
  readonly digestOnly?: number;
  readonly hash?: Hash;
  readonly kind: 'pkcs1' | 'pss' | 'ecdsa' | 'eddsa' | 'hmac';
}

const ALGORITHMS = new Map<string, SignatureAlgorithm>([['EdDSA', { whole: CKM.EDDSA, kind: 'eddsa' }]]);
for (const [name, hash] of Object.entries(HASHES)) {
  const mechanism = (text: string): number => (CKM as Readonly<Record<string, number>>)[text] as number;
  const legacy = name === 'SHA1' ? 'SHA_1' : name;
  ALGORITHMS.set(`ECDSA-${name}`, {
    whole: mechanism(`ECDSA_${name}`),
    digestOnly: CKM.ECDSA,
    hash,
    kind: 'ecdsa',
  });
  ALGORITHMS.set(`RSA-PKCS1-${name}`, {
    whole: mechanism(`${name}_RSA_PKCS`),
    digestOnly: CKM.RSA_PKCS,
    hash,
    kind: 'pkcs1',
  });
  ALGORITHMS.set(`RSA-PSS-${name}`, {
    whole: mechanism(`${name}_RSA_PKCS_PSS`),
    digestOnly: CKM.RSA_PKCS_PSS,
    hash,
    kind: 'pss',
  });
  ALGORITHMS.set(`HMAC-${name}`, { whole: mechanism(`${legacy}_HMAC`), hash, kind: 'hmac' });
}

/** Bytes of a MAC, by mechanism. */
const MAC_LENGTHS = new Map<number, number>();
for (const { kind, whole, hash } of ALGORITHMS.values()) {
  if (kind === 'hmac' && hash !== undefined) MAC_LENGTHS.set(whole, hash.length);
}

function pssParameter(algorithm: Algorithm, hash: Hash): object {
  const saltLength = algorithm.saltLength ?? hash.length;
  if (!Number.isSafeInteger(saltLength) || (saltLength as number) < 0) {
    throw argumentError(RangeError, `${algorithm.name}: saltLength must be a number of bytes`);
  }
  return { structure: 'CK_RSA_PKCS_PSS_PARAMS', hashAlg: hash.mechanism, mgf: hash.mgf, sLen: saltLength };
}

/**
 * How to sign or verify with what the token has.
 * @param available the mechanisms of the token (CKM_ numbers)
 * @throws RangeError ERR_OUT_OF_RANGE for an unknown name; ERR_CRYPTOKI_UNSUPPORTED when the token can do neither
 */
export function planSignature(input: MechanismInput, available: ReadonlySet<number>): SignaturePlan {
  const given = asMechanism(input);
  if (given !== undefined) return { mechanism: given };
  const algorithm = asAlgorithm(input);
  const found = ALGORITHMS.get(algorithm.name);
  if (found === undefined) throw unknownAlgorithm(algorithm.name, ALGORITHMS.keys());
  const { whole, digestOnly, hash, kind } = found;
  checkOptions(algorithm, ...(kind === 'pss' ? ['saltLength'] : []));
  const parameter = kind === 'pss' && hash !== undefined ? pssParameter(algorithm, hash) : undefined;
  if (available.has(whole)) return { mechanism: { mechanism: whole, parameter } };
  if (hash !== undefined && digestOnly !== undefined && available.has(digestOnly)) {
    const mechanism = { mechanism: digestOnly, parameter };
    return kind === 'pkcs1'
      ? { mechanism, hash, prefix: Buffer.from(hash.digestInfo, 'hex') }
      : { mechanism, hash };
  }
  throw new CryptokiError({
    code: 'ERR_CRYPTOKI_UNSUPPORTED',
    detail: `the token has no mechanism for ${algorithm.name}; slot.mechanisms() lists what it has`,
  });
}

/** Up to so many bytes Node makes the digest in less time than it takes to notice. */
const DIGEST_AT_ONCE = 64 * 1024;

/**
 * How to sign or verify a message with what the token has. Where it signs digests only, Node makes that of a short
 * message, and the token that of a long one: within the job, so that the event loop stays free and calls stay in order.
 */
export function prepareSignature(
  input: MechanismInput,
  available: ReadonlySet<number>,
  data: BytesLike,
): PreparedSignature {
  const { mechanism, hash, prefix } = planSignature(input, available);
  if (hash === undefined)
    return { mechanism, message: data, macLength: MAC_LENGTHS.get(Number(mechanism.mechanism)) };
  if (bytesOf(data, 'the message').byteLength > DIGEST_AT_ONCE && available.has(hash.mechanism)) {
    return { mechanism, message: data, digest: { mechanism: { mechanism: hash.mechanism }, prefix } };
  }
  const digest = digestOf(hash, data);
  return { mechanism, message: prefix === undefined ? digest : Buffer.concat([prefix, digest]) };
}

/** {@link prepareSignature} for many messages, packed. */
export function prepareSignatures(
  input: MechanismInput,
  available: ReadonlySet<number>,
  messages: RawPacked,
): Omit<PreparedSignature, 'message'> & { readonly messages: RawPacked } {
  const { mechanism, hash, prefix } = planSignature(input, available);
  if (hash === undefined) {
    return { mechanism, messages, macLength: MAC_LENGTHS.get(Number(mechanism.mechanism)) };
  }
  const { data, offsets } = messages;
  const isLong = offsets.some((end, i) => i > 0 && end - (offsets[i - 1] as number) > DIGEST_AT_ONCE);
  if (isLong && available.has(hash.mechanism)) {
    return { mechanism, messages, digest: { mechanism: { mechanism: hash.mechanism }, prefix } };
  }
  const begin = prefix?.length ?? 0;
  const size = begin + hash.length;
  const digests = Buffer.allocUnsafe(size * (offsets.length - 1));
  for (let i = 0; i + 1 < offsets.length; i += 1) {
    if (prefix !== undefined) digests.set(prefix, i * size);
    digests.set(digestOf(hash, data.subarray(offsets[i], offsets[i + 1])), i * size + begin);
  }
  return { mechanism, messages: { data: digests, offsets: offsets.map((_, i) => i * size) } };
}

/** Whether a MAC cannot be right because of its length. What is no signature at all is left to the call to refuse. */
export function isOtherLength(signature: BytesLike, macLength: number | undefined): boolean {
  return macLength !== undefined && isBytes(signature) && signature.byteLength !== macLength;
}
