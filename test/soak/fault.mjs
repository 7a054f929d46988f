// The soak over the fault module: random faults on every function, lost sessions, logouts, removed tokens and lost devices.
// Run by main.mjs.
import { connect } from 'cryptoki';
import { createSoftToken, FaultModule } from 'cryptoki/testing';
import { ensureSoftHSM } from '../../scripts/softhsm.mjs';
import { finish, KINDS, Load, Memory, Outcome, operationsOf, settings } from './ground.mjs';

const { seconds, seed, sessions } = settings();
const soft = await createSoftToken({ module: await ensureSoftHSM() });
const hsm = await FaultModule.create({ module: soft.module, environment: soft.environment });
const client = await connect(
  { module: hsm.path, token: { label: soft.label } },
  { pin: soft.pin, sessions: { max: sessions }, operationTimeout: 2_000, recovery: { timeout: 10_000 } },
);
const operations = await operationsOf(client);
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
const returns = (probability, code, number) => ({
  function: USED,
  probability,
  seed: seed + number,
  return: code,
});
hsm.plan([
  returns(1e-3, 'CKR_HOST_MEMORY', 1),
  returns(1e-3, 'CKR_FUNCTION_FAILED', 2),
  returns(5e-4, 'CKR_DEVICE_ERROR', 3),
  returns(5e-4, 'CKR_GENERAL_ERROR', 4),
  returns(5e-4, 'CKR_OPERATION_ACTIVE', 5),
  { function: USED, probability: 5e-4, seed: seed + 6, callReturn: 'CKR_DEVICE_ERROR' },
  { function: USED, probability: 1e-3, seed: seed + 7, loseSession: true },
  { function: USED, probability: 1e-4, seed: seed + 8, loseSessions: true },
  { function: USED, probability: 1e-4, seed: seed + 9, logout: true },
  { function: USED, probability: 2e-5, seed: seed + 10, removeToken: 50 },
  { function: USED, probability: 2e-5, seed: seed + 11, loseDevice: true },
  { function: USED, probability: 1e-3, seed: seed + 12, delay: 5 },
  { function: USED, probability: 2e-5, seed: seed + 13, hang: true },
  { function: OPENING, probability: 5e-3, seed: seed + 14, return: 'CKR_DEVICE_ERROR' },
  { function: 'C_Initialize', probability: 0.1, seed: seed + 15, return: 'CKR_DEVICE_ERROR' },
]);
const releasing = setInterval(() => hsm.release(), 500); // a call hangs for at most half a second

const load = new Load(sessions * 2, (index, round) => {
  const [work, check] = operations[KINDS[(index + round) % KINDS.length]](Buffer.from(`${index} ${round}`));
  return outcome.run(work, check);
});
await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const hung = await load.stop(30_000);
clearInterval(releasing);
const { rules } = hsm.counters();
hsm.clear();
await finish({
  name: 'fault module',
  ...{ client, outcome, hung, memory, operations },
  faults: rules.reduce((sum, { injected }) => sum + injected, 0),
  openSessions: () => hsm.counters().openSessions,
  violations: () => hsm.violations,
  generations: () => hsm.counters().calls.C_GenerateKey ?? 0,
});
await client.close();
await hsm[Symbol.asyncDispose]();
soft.remove();
