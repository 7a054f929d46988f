import type { Attributes, KeyUsage } from 'cryptoki';

const none = undefined;

/** Attributes without those that the model adds by default to forbid other uses of a key. */
export const TRUE_USAGES: Readonly<Record<KeyUsage, { publicKey: Attributes; privateKey: Attributes }>> = {
  sign: {
    publicKey: { encrypt: none, wrap: none, derive: none },
    privateKey: { decrypt: none, unwrap: none, derive: none },
  },
  decrypt: {
    publicKey: { verify: none, wrap: none, derive: none },
    privateKey: { sign: none, unwrap: none, derive: none },
  },
  derive: {
    publicKey: { verify: none, encrypt: none, wrap: none },
    privateKey: { sign: none, decrypt: none, unwrap: none },
  },
  unwrap: {
    publicKey: { verify: none, encrypt: none, derive: none },
    privateKey: { sign: none, decrypt: none, derive: none },
  },
};
