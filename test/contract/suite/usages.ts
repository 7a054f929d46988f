import type { Attributes, KeyUsage } from 'cryptoki';

const none = undefined;

/** Attributes that leave out what the model says by itself: that a key is not for other uses. */
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
