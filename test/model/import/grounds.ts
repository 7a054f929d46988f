import type { Session } from 'cryptoki';
import { newestNssPath, openNss, whyNoNss } from '../../support/nss';
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
    kinds: /^(RSA|P-256|P-384|P-521)$/,
    exportsTokenObjects: false,
    open: () => openNss(),
  },
  {
    name: 'the newest NSS',
    whyNot: newestNssPath === undefined ? 'needs the newest NSS: npm run test:newest' : undefined,
    kinds: /^(RSA|P-256|P-384|P-521|Ed25519|X25519)$/,
    exportsTokenObjects: false,
    open: () => openNss(newestNssPath),
  },
];
