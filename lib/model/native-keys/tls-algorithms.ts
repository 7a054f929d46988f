/** The signature algorithms of TLS that a key can do with its token, and the options that leave the others out. */
import { createPublicKey } from 'node:crypto';
import { CryptokiError } from '../../core/errors';
import { CKM } from '../../generated/constants';

/** An algorithm of TLS (RFC 8446, section 4.2.3), by OpenSSL's name. */
interface Scheme {
  readonly name: string;
  /** Of the key, as node:crypto has it. */
  readonly keyType: 'rsa' | 'ec' | 'ed25519' | 'ed448';
  /** One of these is enough. */
  readonly mechanisms: readonly number[];
  /** TLS 1.3 signs handshakes with it: of the keys on this curve, or of all. */
  readonly modern: boolean | string;
}

const { ECDSA, EDDSA, RSA_PKCS, RSA_PKCS_PSS, RSA_X_509 } = CKM; // with the last one, the addon makes the padding

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

/** Options of TLS that keep OpenSSL from choosing what the token cannot do; empty where it can do everything. */
export interface TlsAlgorithms {
  /** What is left of the algorithms: those of keys of other types, which peers have, stay. */
  readonly sigalgs?: string;
  /** Set where the key has no algorithm for TLS 1.3. */
  readonly maxVersion?: 'TLSv1.2';
}

/** The key for TLS, with these options. */
export interface TlsParameters extends TlsAlgorithms {
  /** PEM that stands for the key. */
  readonly key: string;
}

/** A key in its token, as far as TLS is concerned. */
export class TlsAbilities {
  readonly #keyType: string;
  readonly #curve: string | undefined;
  /** What the token cannot do with the key. */
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

  /** @throws ERR_CRYPTOKI_UNSUPPORTED when nothing is left */
  algorithms(): TlsAlgorithms {
    if (this.#absent.length === 0) return {};
    const left = SCHEMES.filter((one) => !this.#absent.includes(one));
    const own = left.filter(({ keyType }) => keyType === this.#keyType);
    if (own.length === 0) {
      throw new CryptokiError({
        code: 'ERR_CRYPTOKI_UNSUPPORTED',
        detail: `the token has no mechanism to sign a handshake of TLS with a key of type ${this.#keyType}`,
      });
    }
    const sigalgs = left.map(({ name }) => name).join(':');
    const isModern = own.some(({ modern }) => modern === true || modern === this.#curve);
    return isModern ? { sigalgs } : { sigalgs, maxVersion: 'TLSv1.2' };
  }

  /** Says, once for a token and a type of key, what the token cannot do. @param token its label */
  warn(token: string): void {
    const about = `${token}\0${this.#keyType}`;
    if (this.#absent.length === 0 || warned.has(about)) return;
    warned.add(about);
    const names = this.#absent.map(({ name }) => name).join(', ');
    process.emitWarning(
      `the token "${token}" cannot sign ${names}, which TLS may choose: ${this.#advice()}`,
      {
        type: 'CryptokiWarning',
        code: 'CRYPTOKI_TLS_SIGALGS',
      },
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
