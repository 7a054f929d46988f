import { nssNewest as expectations } from '../expectations/nss-newest';
import type { ContractModule } from './contract-module';
import { softokn } from './nss';

/** Set by scripts/newest-nss.mjs, which also sets the library path by which these libraries find each other. */
const path = process.env.CRYPTOKI_NEWEST_NSS_MODULE;

/** The newest release of NSS softokn, for the functions of PKCS#11 3.2. */
export const nssNewest: ContractModule = {
  name: 'NSS softokn, the newest',
  whyNot: path === undefined ? 'needs the newest NSS: npm run test:newest' : undefined,
  expectations,
  start: () => softokn(path),
};
