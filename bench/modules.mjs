// @ts-check
// The modules of the bench, each with a token and keys of its own.
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module } from 'cryptoki';
import { CKF, CKU, load } from 'cryptoki/raw';
import { softToken } from '../scripts/soft-token.mjs';
import { Skipped } from './contender.mjs';
import { destroyKeys, makeKeys } from './keys.mjs';
import { nullModule } from './native.mjs';
import { readPin } from './pin.mjs';

/**
 * @typedef {import('./contenders/serve.mjs').Target} Target
 *
 * @typedef {object} Started
 * @property {string} name
 * @property {string} version of the module
 * @property {Target} target
 * @property {Record<string, string>} environment for processes that open it
 * @property {Record<string, string>} without operations that its token does not support, with the reason
 * @property {() => Promise<void>} stop
 *
 * @typedef {Pick<Target, 'module' | 'libraryParameters' | 'pin'> & { token?: string, slot?: bigint }} Place
 */

/** @param {string} purpose */
function privateDirectory(purpose) {
  const path = mkdtempSync(join(realpathSync(tmpdir()), `cryptoki-bench-${purpose}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/**
 * Opens the token once to read its properties and to generate the keys.
 * @param {string} name
 * @param {Place} place
 * @param {{ environment?: Record<string, string>, hasKeys?: boolean, remove?: () => void }} more
 * @returns {Promise<Started>}
 */
async function prepare(name, place, { environment = {}, hasKeys = false, remove = () => {} } = {}) {
  const { module: path, libraryParameters, pin, token: label, slot } = place;
  const options = libraryParameters === undefined ? {} : { libraryParameters };
  const selector = slot === undefined ? (label === undefined ? 'only' : { label }) : { slot };
  /**
   * @template T
   * @param {(token: import('cryptoki').Token, module: Module) => Promise<T>} work
   */
  const withToken = async (work) => {
    const module = await Module.open(path, options);
    try {
      return await work(await module.token(selector), module);
    } finally {
      await module.close();
    }
  };
  try {
    return await withToken(async (token, module) => {
      const { description, libraryVersion } = await module.info();
      const slots = await module.raw.C_GetSlotList(true);
      const without = hasKeys ? {} : await makeKeys(token, pin);
      return {
        name,
        version: `${description} ${libraryVersion.major}.${libraryVersion.minor}`,
        target: {
          module: path,
          ...(libraryParameters === undefined ? {} : { libraryParameters }),
          ...(pin === undefined ? {} : { pin }),
          slot: Number(token.slot.id),
          slotIndex: slots.indexOf(token.slot.id),
        },
        environment,
        without,
        stop: async () => {
          if (!hasKeys) await withToken((again) => destroyKeys(again, pin));
          remove();
        },
      };
    });
  } catch (error) {
    remove();
    throw error;
  }
}

async function softHSM() {
  const { path, remove } = privateDirectory('softhsm');
  const { module, pin, label, config } = await softToken(path, 'bench');
  return prepare(
    'SoftHSM2',
    { module, pin, token: label },
    { environment: { SOFTHSM2_CONF: config }, remove },
  );
}

const NSS_PLACES = [
  '/usr/lib/x86_64-linux-gnu/libsoftokn3.so',
  '/usr/lib/x86_64-linux-gnu/nss/libsoftokn3.so',
  '/usr/lib/aarch64-linux-gnu/libsoftokn3.so',
  '/usr/lib/aarch64-linux-gnu/nss/libsoftokn3.so',
  '/usr/lib64/libsoftokn3.so',
  '/usr/lib/libsoftokn3.so',
];

/** The slot of the database. The other slot has session objects only. */
const NSS_SLOT = 2n;

async function nss() {
  const module = NSS_PLACES.find((place) => existsSync(place));
  if (module === undefined) throw new Skipped('there is no libsoftokn3.so: install libnss3');
  const { path, remove } = privateDirectory('nss');
  const libraryParameters = `configdir='sql:${path}' certPrefix='' keyPrefix='' secmod='secmod.db' flags=`;
  const pin = 'bench-pin-1';
  // Without it each use of a token key derives the key of the database again, which takes far longer than a signature.
  const environment = { NSS_MAX_MP_PBE_ITERATION_COUNT: '1' };
  Object.assign(process.env, environment);
  // In a new database the security officer has an empty PIN until the user's PIN is set.
  const raw = await load(module);
  await raw.C_Initialize({ libraryParameters });
  const session = await raw.C_OpenSession(NSS_SLOT, CKF.SERIAL_SESSION | CKF.RW_SESSION);
  await raw.C_Login(session, CKU.SO, '');
  await raw.C_InitPIN(session, pin);
  await raw.C_Finalize();
  return prepare('NSS softokn', { module, libraryParameters, pin, slot: NSS_SLOT }, { environment, remove });
}

/** @param {Record<string, string>} environment */
export function nothing(environment = {}) {
  return prepare(
    'null module',
    { module: nullModule(), pin: 'none', token: 'null' },
    { environment, hasKeys: true },
  );
}

/** The modules that the bench sets up itself, by name. @type {Record<string, () => Promise<Started>>} */
export const MODULES = { 'null module': () => nothing(), SoftHSM2: softHSM, 'NSS softokn': nss };

/** A module of the user. @param {{ module: string, token?: string, pinFile?: string, libraryParameters?: string }} given */
export async function ownModule({ module, token, pinFile, libraryParameters }) {
  const options = libraryParameters === undefined ? {} : { libraryParameters };
  const pin = await readPin(module, options, token, pinFile);
  return prepare(token ?? 'your token', {
    module,
    ...options,
    ...(token === undefined ? {} : { token }),
    pin,
  });
}
