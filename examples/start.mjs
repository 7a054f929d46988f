// The main job: keys in a token sign, and node:crypto checks every signature.
//
//   npm start                                      on a SoftHSM2 token of its own
//   npm start -- --module PATH --token LABEL       on your own token

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Module } from 'cryptoki';
import { softToken } from '../scripts/soft-token.mjs';
import { readPin } from './start/pin.mjs';
import { showModule, showRates } from './start/show.mjs';
import { ALGORITHMS, makeKeyPair, signAndCheck } from './start/sign.mjs';

const USAGE = `npm start [-- options]

  --module PATH               PKCS#11 module; without it, SoftHSM2 with a token of its own
  --token LABEL               which token; needed when there are several
  --pin-file FILE             file with the PIN in its first line; else the environment variable CRYPTOKI_PIN, else a prompt
  --library-parameters TEXT   for modules that want some (NSS, YubiHSM)
  --count N                   messages to sign with each key (10000)
  --sessions N                sessions to sign on at the same time (4)

The keys are made for this run and destroyed at its end; nothing else on the token is touched.`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      module: { type: 'string' },
      token: { type: 'string' },
      'pin-file': { type: 'string' },
      'library-parameters': { type: 'string' },
      count: { type: 'string', default: '10000' },
      sessions: { type: 'string', default: '4' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  for (const name of ['count', 'sessions']) {
    if (!/^[1-9]\d{0,6}$/.test(values[name])) throw new Error(`--${name} must be a number from 1 to 9999999`);
  }
  if (values.module === undefined && values.token !== undefined) throw new Error('--token needs --module');
  return { ...values, count: Number(values.count), sessions: Number(values.sessions) };
}

/** The user's token, or a SoftHSM2 token in a private directory of the project. */
async function chooseToken(options) {
  if (options.module !== undefined) return { module: options.module, label: options.token };
  return softToken(fileURLToPath(new URL('../.cache/start', import.meta.url)), 'cryptoki');
}

async function main() {
  const options = readOptions();
  if (options.help) return console.log(USAGE);
  const chosen = await chooseToken(options);
  const module = await Module.open(chosen.module, { libraryParameters: options['library-parameters'] });
  try {
    const token = await module.token(chosen.label === undefined ? 'only' : { label: chosen.label });
    await showModule(module, token);
    const session = await token.openSession({ readWrite: true });
    const info = await token.info();
    if (info.loginRequired) await session.login(chosen.pin ?? (await readPin(options['pin-file'], info)));
    console.log(`Session: ${session.state}\n`);
    showRates(await signWithAll(token, session, options));
  } finally {
    await module.close(); // also closes its sessions
  }
}

async function signWithAll(token, session, options) {
  const rates = [];
  for (const algorithm of ALGORITHMS) {
    const pair = await makeKeyPair(session, algorithm);
    if (pair === undefined) continue;
    try {
      rates.push(await signAndCheck(token, pair, algorithm, options));
    } finally {
      await pair.privateKey.destroy();
      await pair.publicKey.destroy();
    }
  }
  return rates;
}

try {
  await main();
} catch (error) {
  const hint = error.code?.startsWith('ERR_PARSE_ARGS')
    ? '\nPINs are never taken from the command line. See --help.'
    : '';
  console.error(`${error.message}${hint}`);
  process.exitCode = 1;
}
