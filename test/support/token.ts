import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CKF, CKU, load } from 'cryptoki/raw';
import { ensureSoftHSM, writeSoftHSMConfig } from '../../scripts/softhsm.mjs';

/** A SoftHSM2 token of this test file alone. */
export interface TestToken {
  /** Path of the module. */
  readonly module: string;
  readonly label: string;
  readonly pin: string;
  readonly soPin: string;
  /** Value of SOFTHSM2_CONF, which is set already: child processes and workers need it too. */
  readonly config: string;
  /** Initialises one more token in the same directory. */
  addToken(label: string): Promise<void>;
  /** Removes the directory. */
  remove(): void;
}

const PIN = '1234';
const SO_PIN = '12345678';

/** Initialises the free slot of the module as a token. */
async function initialise(path: string, label: string): Promise<void> {
  const raw = await load(path);
  await raw.C_Initialize();
  try {
    const isFree = (slot: bigint) => (raw.C_GetTokenInfoSync(slot).flags & CKF.TOKEN_INITIALIZED) === 0;
    const slot = (await raw.C_GetSlotList(true)).find(isFree);
    if (slot === undefined) throw new Error('SoftHSM2 has no free slot');
    await raw.C_InitToken(slot, SO_PIN, label);
    const session = await raw.C_OpenSession(slot, CKF.SERIAL_SESSION | CKF.RW_SESSION);
    await raw.C_Login(session, CKU.SO, SO_PIN);
    await raw.C_InitPIN(session, PIN);
  } finally {
    await raw.C_Finalize();
  }
}

/** Makes a token in a private directory. Call it in beforeAll, before the module is opened. */
export async function createToken(label = 'test'): Promise<TestToken> {
  const directory = mkdtempSync(join(tmpdir(), 'cryptoki-test-'));
  mkdirSync(directory, { recursive: true });
  const config = writeSoftHSMConfig(directory);
  process.env.SOFTHSM2_CONF = config;
  const module = await ensureSoftHSM();
  await initialise(module, label);
  return {
    module,
    label,
    pin: PIN,
    soPin: SO_PIN,
    config,
    addToken: (other) => initialise(module, other),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
