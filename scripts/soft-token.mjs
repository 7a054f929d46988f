// @ts-check
// A SoftHSM2 token in a private directory, initialised by this package itself. For the demonstration and the tests.
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CKF, CKU, load } from 'cryptoki/raw';
import { ensureSoftHSM, writeSoftHSMConfig } from './softhsm.mjs';

/**
 * @typedef {object} SoftToken
 * @property {string} module path of the library
 * @property {string} label
 * @property {string} pin PIN of the user
 * @property {string} soPin PIN of the security officer
 * @property {string} config value of SOFTHSM2_CONF, which has already been set
 */

/**
 * Initialises the free slot of a module as a token.
 * @param {{ module: string, label: string, pin: string, soPin: string }} token
 */
export async function initialiseToken({ module, label, pin, soPin }) {
  const raw = await load(module);
  await raw.C_Initialize();
  try {
    const isFree = (/** @type {bigint} */ slot) =>
      (raw.C_GetTokenInfoSync(slot).flags & CKF.TOKEN_INITIALIZED) === 0;
    const slot = (await raw.C_GetSlotList(true)).find(isFree);
    if (slot === undefined) throw new Error(`${module} has no slot with a token that is not initialised yet`);
    await raw.C_InitToken(slot, soPin, label);
    const session = await raw.C_OpenSession(slot, CKF.SERIAL_SESSION | CKF.RW_SESSION);
    await raw.C_Login(session, CKU.SO, soPin);
    await raw.C_InitPIN(session, pin);
  } finally {
    await raw.C_Finalize(); // SoftHSM2 renumbers its slots at the next C_Initialize
  }
}

/**
 * The token in this directory, which is created if it is missing. Sets SOFTHSM2_CONF, which SoftHSM2 reads when it is
 * initialised.
 * @param {string} directory
 * @param {string} label
 * @returns {Promise<SoftToken>}
 */
export async function softToken(directory, label) {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const config = writeSoftHSMConfig(directory);
  process.env.SOFTHSM2_CONF = config;
  const module = await ensureSoftHSM();
  const pins = join(directory, 'pins.json');
  if (!existsSync(pins)) {
    const made = { pin: String(randomInt(1e7, 1e8)), soPin: String(randomInt(1e7, 1e8)) };
    await initialiseToken({ module, label, ...made });
    writeFileSync(pins, JSON.stringify(made), { mode: 0o600 }); // last, so that an interrupted attempt starts again
  }
  const { pin, soPin } = JSON.parse(readFileSync(pins, 'utf8'));
  return { module, label, pin, soPin, config };
}
