import { CKF, CKU, load } from 'cryptoki/raw';
import { nssCrypto as crypto, nss as expectations } from '../expectations/nss';
import { type ContractModule, library, privateDirectory, type Started } from './contract-module';

const path = library('nss/libsoftokn3.so', 'libsoftokn3.so');

/** The slot of the database; slot 1 has session objects only and no login. */
const SLOT = 2n;
const PIN = 'nss-pin-1';

/** Starts a softokn with a new database. */
export async function softokn(library: string | undefined): Promise<Started> {
  if (library === undefined) throw new Error('libsoftokn3.so is missing');
  const directory = privateDirectory();
  const options = {
    libraryParameters: `configdir='sql:${directory.path}' certPrefix='' keyPrefix='' secmod='secmod.db' flags=`,
  };
  // In a new database the security officer has an empty PIN until the user's PIN is set.
  const raw = await load(library);
  await raw.C_Initialize(options);
  const session = await raw.C_OpenSession(SLOT, CKF.SERIAL_SESSION | CKF.RW_SESSION);
  await raw.C_Login(session, CKU.SO, '');
  await raw.C_InitPIN(session, PIN);
  await raw.C_Finalize();
  return {
    path: library,
    options,
    selector: { slot: SLOT },
    pin: PIN,
    soPin: undefined,
    stop: async () => directory.remove(),
  };
}

/** NSS softokn with a database of its own. */
export const nss: ContractModule = {
  name: 'NSS softokn',
  whyNot: path === undefined ? 'needs libsoftokn3.so: libnss3' : undefined,
  alwaysInCi: true,
  expectations,
  start: () => softokn(path),
};

/** The other slot of softokn: no login, session objects only, and digests. */
export const nssCrypto: ContractModule = {
  name: 'NSS softokn without database',
  whyNot: nss.whyNot,
  alwaysInCi: true,
  expectations: crypto,
  async start() {
    return { ...(await softokn(path)), selector: { slot: 1n }, pin: undefined };
  },
};
