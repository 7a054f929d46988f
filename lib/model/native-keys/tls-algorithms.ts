/** The signature algorithms of TLS that a token supports for a key, and the options that exclude the others. */

import { createPublicKey } from 'node:crypto';
import { ownError } from '../../core/errors';
import { emitWarning } from '../../core/warnings';
import { CKM } from '../../generated/constants';

/** An algorithm of TLS (RFC 8446, section 4.2.3), by OpenSSL's name. */
interface Scheme {
  readonly name: string;
  /** The type of the key in node:crypto. */
  readonly keyType: 'rsa' | 'ec' | 'ed25519' | 'ed448';
  /** The token needs one of these. */
  readonly mechanisms: readonly number[];
  /** True if TLS 1.3 uses it for handshakes; the name of a curve if it does so for keys on this curve only. */
  readonly modern: boolean | string;
}

const { ECDSA, EDDSA, RSA_PKCS, RSA_PKCS_PSS, RSA_X_509 } = CKM; // for RSA_X_509 the addon makes the padding

const scheme = (
  name: string,
  keyType: Scheme['keyType'],
  modern: boolean | string,
  ...mechanisms: readonly number[]
): Scheme => ({ name, keyType, modern, mechanisms });

const SCHEMES: readonly Scheme[] = [
  scheme('ecdsa_secp256r1_sha256', 'ec', 'prime256v1', ECDSA, CKM.ECDSA_SHA256),
  scheme('ecdsa_secp384r1_sha384', 'ec', 'secp384r1', ECDSA, CKM.ECDSA_SHA384),
  scheme('ecdsa_secp521r1_sha512', 'ec', 'secp521r1', ECDSA, CKM.ECDSA_SHA512),
  scheme('ed25519', 'ed25519', true, EDDSA),
  scheme('ed448', 'ed448', true, EDDSA),
  scheme('rsa_pss_rsae_sha256', 'rsa', true, RSA_PKCS_PSS, CKM.SHA256_RSA_PKCS_PSS, RSA_X_509),
  scheme('rsa_pss_rsae_sha384', 'rsa', true, RSA_PKCS_PSS, CKM.SHA384_RSA_PKCS_PSS, RSA_X_509),
  scheme('rsa_pss_rsae_sha512', 'rsa', true, RSA_PKCS_PSS, CKM.SHA512_RSA_PKCS_PSS, RSA_X_509),
  scheme('rsa_pkcs1_sha256', 'rsa', false, RSA_PKCS, CKM.SHA256_RSA_PKCS, RSA_X_509),
  scheme('rsa_pkcs1_sha384', 'rsa', false, RSA_PKCS, CKM.SHA384_RSA_PKCS, RSA_X_509),
  scheme('rsa_pkcs1_sha512', 'rsa', false, RSA_PKCS, CKM.SHA512_RSA_PKCS, RSA_X_509),
];

/** Options of TLS with which OpenSSL does not choose algorithms that the token does not support; empty if it supports all. */
export interface TlsAlgorithms {
  /** The remaining algorithms, including those of other types of keys, which peers may have. */
  readonly sigalgs?: string;
  /** Set if the key has no algorithm for TLS 1.3. */
  readonly maxVersion?: 'TLSv1.2';
}

/** The key for TLS, with these options. */
export interface TlsParameters extends TlsAlgorithms {
  /** PEM that represents the key. */
  readonly key: string;
}

/** The algorithms of TLS for a key in its token. */
export class TlsAbilities {
  readonly #keyType: string;
  readonly #curve: string | undefined;
  /** The algorithms for the type of the key that the token does not support. */
  readonly #absent: readonly Scheme[];

  /**
   * @param publicKeyInfo of the key: a SubjectPublicKeyInfo in DER
   * @param available the mechanisms of the token (CKM_ numbers)
   */
  constructor(publicKeyInfo: Buffer, available: ReadonlySet<number>) {
    const publicKey = createPublicKey({ key: publicKeyInfo, format: 'der', type: 'spki' });
    this.#keyType = publicKey.asymmetricKeyType ?? '';
    this.#curve = publicKey.asymmetricKeyDetails?.namedCurve;
    this.#absent = SCHEMES.filter(
      ({ keyType, mechanisms }) =>
        keyType === this.#keyType && !mechanisms.some((mechanism) => available.has(mechanism)),
    );
  }

  /**
   * Returns the options of TLS that the key needs.
   * @throws ERR_CRYPTOKI_UNSUPPORTED if the token supports no algorithm for the key
   */
  algorithms(): TlsAlgorithms {
    if (this.#absent.length === 0) return {};
    const available = SCHEMES.filter((candidate) => !this.#absent.includes(candidate));
    const fitting = available.filter(({ keyType }) => keyType === this.#keyType);
    if (fitting.length === 0) {
      throw ownError(
        'ERR_CRYPTOKI_UNSUPPORTED',
        `the token has no mechanism to sign a handshake of TLS with a key of type ${this.#keyType}`,
      );
    }
    const sigalgs = available.map(({ name }) => name).join(':');
    const isModern = fitting.some(({ modern }) => modern === true || modern === this.#curve);
    return isModern ? { sigalgs } : { sigalgs, maxVersion: 'TLSv1.2' };
  }

  /**
   * Warns, once for each token and type of key, of algorithms that the token does not support.
   * @param token the label of the token
   */
  warn(token: string): void {
    const subject = `${token}\0${this.#keyType}`;
    if (this.#absent.length === 0 || warned.has(subject)) return;
    warned.add(subject);
    const names = this.#absent.map(({ name }) => name).join(', ');
    emitWarning(
      'CRYPTOKI_TLS_SIGALGS',
      `the token "${token}" cannot sign ${names}, which TLS may choose: ${this.#advice()}`,
    );
  }

  #advice(): string {
    if (this.#absent.length === SCHEMES.filter(({ keyType }) => keyType === this.#keyType).length) {
      return 'handshakes with the key will fail';
    }
    const { sigalgs, maxVersion } = this.algorithms();
    const version = maxVersion === undefined ? '' : ` and maxVersion: '${maxVersion}'`;
    return `give TLS the options sigalgs: '${sigalgs}'${version}, or let tlsOptions() or httpsAgent() set them`;
  }
}

const warned = new Set<string>();
