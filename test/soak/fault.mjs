// The soak over the fault module: random faults on every function, device errors at every function in turn, lost sessions,
// logouts, removed tokens, lost devices that do not finalise or initialise, and a PIN provider that hangs, throws or lies.
// Run by main.mjs.
import { connect } from 'cryptoki';
import { createSoftToken, FaultModule } from 'cryptoki/testing';
import { ensureSoftHSM } from '../../scripts/softhsm.mjs';
import {
  finish,
  followEvents,
  followHealth,
  holdings,
  KINDS,
  Load,
  Memory,
  Outcome,
  operationsOf,
  randomOf,
  settings,
} from './ground.mjs';

const { seconds, seed, sessions } = settings();
const soft = await createSoftToken({ module: await ensureSoftHSM() });
const hsm = await FaultModule.create({ module: soft.module, environment: soft.environment });

/** Gives the PIN, or does what providers do at times: they hang, throw, give another PIN, or none. */
const provider = {
  isGood: true,
  random: randomOf(seed),
  asked: { good: 0, hung: 0, thrown: 0, wrong: 0, nothing: 0 },
  provide({ signal }) {
    const { asked } = this;
    const chance = this.isGood ? 1 : this.random();
    if (chance > 0.3) {
      asked.good += 1;
      return soft.pin;
    }
    if (chance > 0.2) {
      asked.hung += 1;
      // One that listens to its signal, and one that does not.
      return new Promise((_, reject) => {
        if (chance > 0.25) signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    }
    if (chance > 0.1) {
      asked.thrown += 1;
      throw Object.assign(new Error('the provider has no PIN'), { code: 'ERR_SOAK_PROVIDER' });
    }
    if (chance > 0.05) {
      asked.wrong += 1;
      return `wrong ${Math.floor(this.random() * 5)}`; // a few, which are not sent twice
    }
    asked.nothing += 1;
    return undefined;
  },
};

const [operationTimeout, recovery, waiting] = [2_000, 10_000, 5_000];
const before = holdings();
const client = await connect(
  { module: hsm.path, token: { label: soft.label } },
  {
    pin: (request) => provider.provide(request),
    sessions: { max: sessions, timeout: waiting },
    login: { pinTimeout: 300 },
    operationTimeout,
    recovery: { timeout: recovery },
  },
);
const operations = await operationsOf(client);
const events = followEvents(client);
const asking = followHealth(client);
const outcome = new Outcome();
const memory = new Memory(250);

const USED = [
  'C_SignInit',
  'C_Sign',
  'C_VerifyInit',
  'C_Verify',
  'C_DigestInit',
  'C_Digest',
  'C_GenerateRandom',
];
const OPENING = ['C_OpenSession', 'C_GetTokenInfo', 'C_GetSessionInfo', 'C_FindObjectsInit', 'C_Login'];
/** Every function that the load and its recovery call: each has its turn to fail. */
const TURNS = [
  ...USED,
  ...OPENING,
  ...['C_GetSlotList', 'C_GetSlotInfo', 'C_GetMechanismList', 'C_FindObjects', 'C_FindObjectsFinal'],
  ...['C_GetAttributeValue', 'C_GenerateKey', 'C_DestroyObject', 'C_CloseSession', 'C_Logout', 'C_GetInfo'],
];
const CODES = ['CKR_DEVICE_ERROR', 'CKR_GENERAL_ERROR', 'CKR_FUNCTION_FAILED', 'CKR_DEVICE_REMOVED'];
const returns = (probability, code, number) => ({
  function: USED,
  probability,
  seed: seed + number,
  return: code,
});
const always = (round) => {
  const its = seed + round * 100; // rules are numbered from 1 in each round
  return [
    returns(1e-3, 'CKR_HOST_MEMORY', 1),
    returns(1e-3, 'CKR_FUNCTION_FAILED', 2),
    returns(5e-4, 'CKR_DEVICE_ERROR', 3),
    returns(5e-4, 'CKR_GENERAL_ERROR', 4),
    returns(5e-4, 'CKR_OPERATION_ACTIVE', 5),
    { function: USED, probability: 5e-4, seed: its + 6, callReturn: 'CKR_DEVICE_ERROR' },
    { function: USED, probability: 1e-3, seed: its + 7, loseSession: true },
    { function: USED, probability: 1e-4, seed: its + 8, loseSessions: true },
    { function: USED, probability: 3e-4, seed: its + 9, logout: true },
    { function: USED, probability: 2e-5, seed: its + 10, removeToken: 50 },
    { function: USED, probability: 1e-4, seed: its + 11, loseDevice: true },
    { function: USED, probability: 1e-3, seed: its + 12, delay: 5 },
    { function: USED, probability: 1e-4, seed: its + 13, hang: true },
    { function: 'C_GenerateKey', probability: 1e-2, seed: its + 14, logout: true },
    { function: 'C_GenerateKey', probability: 1e-2, seed: its + 15, loseSession: true },
    { function: OPENING, probability: 5e-3, seed: its + 16, return: 'CKR_DEVICE_ERROR' },
    {
      function: ['C_Initialize', 'C_Finalize'],
      probability: 0.2,
      seed: its + 17,
      return: 'CKR_DEVICE_ERROR',
    },
  ];
};

let faults = 0;
let round = 0;
/** The next function has its turn: its first calls fail, one at a time or all of them for a while. */
function turn() {
  faults += hsm.counters().rules.reduce((sum, { injected }) => sum + injected, 0);
  const name = TURNS[round % TURNS.length];
  const code = CODES[Math.floor(round / TURNS.length) % CODES.length];
  const isLong = round % 7 === 3;
  const rule = { function: name, from: 1, count: isLong ? 50 : 1 + (round % 3), return: code };
  hsm.plan([...always(round), rule]);
  round += 1;
}
turn();
provider.isGood = false;
const turning = setInterval(turn, 250);
// A call that hangs does so for half a second, or longer than an operation may.
let releases = 0;
const releasing = setInterval(() => {
  releases += 1;
  if (releases % 14 < 7) hsm.release();
}, 500);

const load = new Load(sessions * 2, (index, number) => {
  const kind = KINDS[(index + number) % KINDS.length];
  const [work, check] = operations[kind](Buffer.from(`${index} ${number}`));
  return outcome.run(work, check);
});
await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
clearInterval(turning);
faults += hsm.counters().rules.reduce((sum, { injected }) => sum + injected, 0);
provider.isGood = true;
const hung = await load.stop(30_000);
clearInterval(releasing);
hsm.clear();
await hsm.until(({ hanging, inFlight }) => hanging + inFlight === 0);
await finish({
  name: 'fault module',
  ...{ client, outcome, hung, memory, operations, events, asking, before, faults },
  limit: 3 * (recovery + operationTimeout + waiting),
  openSessions: () => hsm.counters().openSessions,
  violations: () => hsm.violations,
  generations: () => hsm.counters().calls.C_GenerateKey ?? 0,
  more: { turns: round, providers: provider.asked },
});
await hsm[Symbol.asyncDispose]();
soft.remove();
