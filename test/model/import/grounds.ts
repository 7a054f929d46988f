import type { Session } from 'cryptoki';
import { openNss, whyNoNss } from '../../support/nss';
import { openToken } from '../../support/open';

/** A module on which imports are tested. */
export interface Ground {
  readonly name: string;
  readonly whyNot: string | undefined;
  /** The keys that the module has; see KINDS. */
  readonly kinds: RegExp;
  /** True if the values of extractable token objects can be read. */
  readonly exportsTokenObjects: boolean;
  open(): Promise<{ readonly session: Session; close(): Promise<void> }>;
}

export const GROUNDS: readonly Ground[] = [
  {
    name: 'SoftHSM2',
    whyNot: undefined,
    kinds: /./,
    exportsTokenObjects: true,
    open: () => openToken(),
  },
  {
    name: 'NSS',
    whyNot: whyNoNss,
    kinds: process.env.CRYPTOKI_NSS === undefined ? /^(RSA|P-256|P-384|P-521)$/ : /^(RSA|P-...|.25519)$/,
    exportsTokenObjects: false,
    open: openNss,
  },
];
