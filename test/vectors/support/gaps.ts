import type { MechanismName } from 'cryptoki';
import { NSS } from './nss';

/** Mechanisms that a module offers and no test uses, with the reason. */
export interface Gap {
  readonly mechanisms: readonly MechanismName[];
  readonly why: string;
}

const structure = (name: string): string =>
  `takes a ${name}, which PKCS#11 does not have: it holds pointers, so that bytes cannot stand for it`;

export const NSS_GAPS: readonly Gap[] = [
  {
    mechanisms: [NSS.PBE_SHA1_FAULTY_3DES_CBC],
    why: 'C_GenerateKey answers CKR_MECHANISM_INVALID; it is for files of old versions, with a mistake on purpose',
  },
  {
    mechanisms: [NSS.HKDF_SHA1, NSS.HKDF_SHA256, NSS.HKDF_SHA384, NSS.HKDF_SHA512],
    why: structure('CK_NSS_HKDFParams'),
  },
  { mechanisms: NSS.JPAKE, why: structure('CK_NSS_JPAKERound1Params and its like') },
  {
    mechanisms: [NSS.HMAC_CONSTANT_TIME, NSS.SSL3_MAC_CONSTANT_TIME],
    why: structure('CK_NSS_MAC_CONSTANT_TIME_PARAMS'),
  },
  { mechanisms: [NSS.CHACHA20_POLY1305], why: structure('CK_NSS_AEAD_PARAMS') },
];
