/** Signature and MAC algorithms by name, and how a token that lacks the whole mechanism does the rest. */
import { argumentError } from '../constants';
import { CryptokiError } from '../errors';
import { CKM } from '../generated/constants';
import type { BytesLike, RawMechanism } from '../raw/types';
import { DIGEST_AT_ONCE, digestOf, digestOfSync, type Hash, HASHES } from './digest';
import { type Algorithm, asAlgorithm, asMechanism, checkOptions, type MechanismInput, unknownAlgorithm } from './mechanism';

/** What is to be called with what: the message itself, or its digest behind `prefix`. */
export interface SignaturePlan {
  readonly mechanism: RawMechanism;
  readonly hash?: Hash;
  readonly prefix?: Buffer;
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
  ALGORITHMS.set(`ECDSA-${name}`, { whole: mechanism(`ECDSA_${name}`), digestOnly: CKM.ECDSA, hash, kind: 'ecdsa' });
  ALGORITHMS.set(`RSA-PKCS1-${name}`, { whole: mechanism(`${name}_RSA_PKCS`), digestOnly: CKM.RSA_PKCS, hash, kind: 'pkcs1' });
  ALGORITHMS.set(`RSA-PSS-${name}`, { whole: mechanism(`${name}_RSA_PKCS_PSS`), digestOnly: CKM.RSA_PKCS_PSS, hash, kind: 'pss' });
  ALGORITHMS.set(`HMAC-${name}`, { whole: mechanism(`${legacy}_HMAC`), hash, kind: 'hmac' });
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
    return kind === 'pkcs1' ? { mechanism, hash, prefix: Buffer.from(hash.digestInfo, 'hex') } : { mechanism, hash };
  }
  throw new CryptokiError({
    code: 'ERR_CRYPTOKI_UNSUPPORTED',
    detail: `the token has no mechanism for ${algorithm.name}; slot.mechanisms() lists what it has`,
  });
}

/** What goes to the module: the message, or its digest; a promise when the digest of a long message has to be made. */
export function prepareMessage(plan: SignaturePlan, data: BytesLike): BytesLike | Promise<BytesLike> {
  if (plan.hash === undefined || checkBytes(data).byteLength <= DIGEST_AT_ONCE) return prepareMessageSync(plan, data);
  return digestOf(plan.hash, data).then((digest) => withPrefix(plan, digest));
}

/** {@link prepareMessage}, on the calling thread. */
export function prepareMessageSync(plan: SignaturePlan, data: BytesLike): BytesLike {
  return plan.hash === undefined ? data : withPrefix(plan, digestOfSync(plan.hash, checkBytes(data)));
}

function withPrefix(plan: SignaturePlan, digest: Buffer): Buffer {
  return plan.prefix === undefined ? digest : Buffer.concat([plan.prefix, digest]);
}

function checkBytes(data: BytesLike): BytesLike {
  if (ArrayBuffer.isView(data) || data instanceof ArrayBuffer) return data;
  throw argumentError(TypeError, 'the message must be bytes (a Buffer, typed array, DataView or ArrayBuffer)');
}
