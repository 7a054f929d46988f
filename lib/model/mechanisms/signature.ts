/** Signature and MAC algorithms by name, with a mechanism that signs digests if the token lacks the one for messages. */
import { outOfRange, wrongValue } from '../../core/argument-errors';
import { bytesOf, isBytes, requireInteger } from '../../core/arguments';
import { ownError } from '../../core/errors';
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

/** A mechanism of the token, and its input: the message, or its digest. */
export interface SignatureMethod {
  readonly mechanism: RawMechanism;
  /** The hash function of the digest; absent if the input is the message. */
  readonly hash?: Hash;
  /** Bytes before the digest. */
  readonly prefix?: Buffer;
}

/** The arguments of the native job. */
export interface PreparedSignature {
  readonly mechanism: RawMechanism;
  readonly message: BytesLike;
  /** The digest that the job lets the token compute first. */
  readonly digest?: RawDigest | undefined;
  /**
   * The only length of a MAC of this mechanism, in bytes. NSS 3.87 ignores the length of the MAC that it verifies and reads
   * past its end, so a MAC of another length is refused before the call.
   */
  readonly macLength?: number | undefined;
}

interface SignatureAlgorithm {
  /** The mechanism that signs a message, computing the digest itself. */
  readonly whole: number;
  /** The mechanism that signs a digest; MACs and EdDSA have none. */
  readonly digestOnly?: number;
  readonly hash?: Hash;
  readonly scheme: 'pkcs1' | 'pss' | 'ecdsa' | 'eddsa' | 'hmac';
}

const ALGORITHMS = new Map<string, SignatureAlgorithm>([['EdDSA', { whole: CKM.EDDSA, scheme: 'eddsa' }]]);
for (const [name, hash] of Object.entries(HASHES)) {
  const mechanism = (text: string): number => (CKM as Readonly<Record<string, number>>)[text] as number;
  const legacy = name === 'SHA1' ? 'SHA_1' : name;
  ALGORITHMS.set(`ECDSA-${name}`, {
    whole: mechanism(`ECDSA_${name}`),
    digestOnly: CKM.ECDSA,
    hash,
    scheme: 'ecdsa',
  });
  ALGORITHMS.set(`RSA-PKCS1-${name}`, {
    whole: mechanism(`${name}_RSA_PKCS`),
    digestOnly: CKM.RSA_PKCS,
    hash,
    scheme: 'pkcs1',
  });
  ALGORITHMS.set(`RSA-PSS-${name}`, {
    whole: mechanism(`${name}_RSA_PKCS_PSS`),
    digestOnly: CKM.RSA_PKCS_PSS,
    hash,
    scheme: 'pss',
  });
  ALGORITHMS.set(`HMAC-${name}`, { whole: mechanism(`${legacy}_HMAC`), hash, scheme: 'hmac' });
}

/** The length of a MAC in bytes, by mechanism. */
const MAC_LENGTHS = new Map<number, number>();
for (const { scheme, whole, hash } of ALGORITHMS.values()) {
  if (scheme === 'hmac' && hash !== undefined) MAC_LENGTHS.set(whole, hash.length);
}

function pssParameter(algorithm: Algorithm, hash: Hash): object {
  const saltLength = algorithm.saltLength ?? hash.length;
  requireInteger(saltLength, `saltLength of ${algorithm.name}`, { unit: ' bytes' });
  return { structure: 'CK_RSA_PKCS_PSS_PARAMS', hashAlg: hash.mechanism, mgf: hash.mgf, sLen: saltLength };
}

/**
 * Chooses a mechanism of the token with which an algorithm signs or verifies.
 * @param available the mechanisms of the token (CKM_ numbers)
 * @throws TypeError ERR_INVALID_ARG_VALUE for an unknown name; ERR_CRYPTOKI_UNSUPPORTED if the token has no mechanism for it
 */
export function chooseSignatureMethod(
  input: MechanismInput,
  available: ReadonlySet<number>,
): SignatureMethod {
  const custom = asMechanism(input);
  if (custom !== undefined) return { mechanism: custom };
  const algorithm = asAlgorithm(input);
  const found = ALGORITHMS.get(algorithm.name);
  if (found === undefined) throw unknownAlgorithm('signature', algorithm.name, ALGORITHMS.keys());
  const { whole, digestOnly, hash, scheme } = found;
  checkOptions(algorithm, ...(scheme === 'pss' ? ['saltLength'] : []));
  const parameter = scheme === 'pss' && hash !== undefined ? pssParameter(algorithm, hash) : undefined;
  if (available.has(whole)) return { mechanism: { mechanism: whole, parameter } };
  if (hash !== undefined && digestOnly !== undefined && available.has(digestOnly)) {
    const mechanism = { mechanism: digestOnly, parameter };
    return scheme === 'pkcs1'
      ? { mechanism, hash, prefix: Buffer.from(hash.digestInfo, 'hex') }
      : { mechanism, hash };
  }
  throw ownError(
    'ERR_CRYPTOKI_UNSUPPORTED',
    `the token has no mechanism for ${algorithm.name}; slot.mechanisms() lists those that it has`,
  );
}

/**
 * Chooses a mechanism of the token that signs or verifies a digest which was computed elsewhere, and returns its input.
 * @throws RangeError ERR_OUT_OF_RANGE for a digest of a wrong length; TypeError ERR_INVALID_ARG_VALUE; ERR_CRYPTOKI_UNSUPPORTED
 */
export function digestMethod(
  input: MechanismInput,
  available: ReadonlySet<number>,
  digest: BytesLike,
): { readonly mechanism: RawMechanism; readonly message: BytesLike } {
  const custom = asMechanism(input);
  if (custom !== undefined) return { mechanism: custom, message: digest };
  const algorithm = asAlgorithm(input);
  const found = ALGORITHMS.get(algorithm.name);
  if (found === undefined) throw unknownAlgorithm('signature', algorithm.name, ALGORITHMS.keys());
  const { digestOnly, hash, scheme } = found;
  if (digestOnly === undefined || hash === undefined) {
    throw wrongValue(`${algorithm.name} signs messages, not digests; use sign() or verify()`);
  }
  checkOptions(algorithm, ...(scheme === 'pss' ? ['saltLength'] : []));
  const bytes = bytesOf(digest, 'digest');
  if (bytes.byteLength !== hash.length) {
    throw outOfRange(
      `the length of the digest for ${algorithm.name}`,
      `${hash.length} bytes`,
      bytes.byteLength,
    );
  }
  if (!available.has(digestOnly)) {
    throw ownError(
      'ERR_CRYPTOKI_UNSUPPORTED',
      `the token has no mechanism for ${algorithm.name} that signs digests; slot.mechanisms() lists those that it has`,
    );
  }
  const parameter = scheme === 'pss' ? pssParameter(algorithm, hash) : undefined;
  const prefix = scheme === 'pkcs1' ? Buffer.from(hash.digestInfo, 'hex') : Buffer.alloc(0);
  return { mechanism: { mechanism: digestOnly, parameter }, message: Buffer.concat([prefix, bytes]) };
}

/** Limit for a digest on the calling thread: that of longer messages would delay the event loop. */
const MAX_DIGEST_AT_ONCE_BYTES = 64 * 1024;

/**
 * Prepares the arguments of a job that signs or verifies a message. If the token signs digests only, Node computes the digest
 * of a short message, and the token that of a long one: within the job, so that the event loop is not delayed and the order
 * of calls does not change.
 */
export function prepareSignature(
  input: MechanismInput,
  available: ReadonlySet<number>,
  data: BytesLike,
): PreparedSignature {
  const { mechanism, hash, prefix } = chooseSignatureMethod(input, available);
  if (hash === undefined)
    return { mechanism, message: data, macLength: MAC_LENGTHS.get(Number(mechanism.mechanism)) };
  const isLong = bytesOf(data, 'the message').byteLength > MAX_DIGEST_AT_ONCE_BYTES;
  if (isLong && available.has(hash.mechanism)) {
    return { mechanism, message: data, digest: { mechanism: { mechanism: hash.mechanism }, prefix } };
  }
  const digest = digestOf(hash, data);
  return { mechanism, message: prefix === undefined ? digest : Buffer.concat([prefix, digest]) };
}

/** Does the same as {@link prepareSignature} for many packed messages. */
export function prepareSignatures(
  input: MechanismInput,
  available: ReadonlySet<number>,
  messages: RawPacked,
): Omit<PreparedSignature, 'message'> & { readonly messages: RawPacked } {
  const { mechanism, hash, prefix } = chooseSignatureMethod(input, available);
  if (hash === undefined) {
    return { mechanism, messages, macLength: MAC_LENGTHS.get(Number(mechanism.mechanism)) };
  }
  const { data, offsets } = messages;
  const isLong = offsets.some(
    (end, i) => i > 0 && end - (offsets[i - 1] as number) > MAX_DIGEST_AT_ONCE_BYTES,
  );
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

/** Returns true when a MAC cannot be valid because of its length; false for a value that is not bytes, which the call refuses. */
export function isOtherLength(signature: BytesLike, macLength: number | undefined): boolean {
  return macLength !== undefined && isBytes(signature) && signature.byteLength !== macLength;
}
