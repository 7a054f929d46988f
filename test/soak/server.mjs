// The soak over a p11-kit server: connections or the whole server are killed repeatedly, for a short or a longer time, also
// while they are suspended for longer than the limit of an operation. Run by main.mjs.
import { setTimeout as wait } from 'node:timers/promises';
import { connect } from 'cryptoki';
import { startServer, whyNoServer } from '../support/p11-kit-server.mjs';
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

if (whyNoServer !== undefined) {
  console.error(`the soak over a p11-kit server ${whyNoServer}`);
  process.exit(1);
}
const { seconds, seed, sessions } = settings();
const random = randomOf(seed);
const server = await startServer();
const { pin, moduleOptions } = server;
const [operationTimeout, recovery, waiting] = [2_000, 10_000, 5_000];
const before = holdings();
const client = await connect(
  { module: server.module, token: { label: server.label } },
  {
    ...{ pin, moduleOptions, operationTimeout, recovery: { timeout: recovery } },
    sessions: { max: sessions, timeout: waiting },
  },
);
const operations = await operationsOf(client);
const events = followEvents(client);
const asking = followHealth(client);
server.save();
const outcome = new Outcome();
const memory = new Memory(250);
const load = new Load(sessions * 2, (index, round) => {
  const [work, check] = operations[KINDS[(index + round) % KINDS.length]](Buffer.from(`${index} ${round}`));
  return outcome.run(work, check);
});

const FAULTS = [
  async () => server.signal('SIGKILL'),
  async () => {
    await server.kill();
    await server.start();
  },
  async () => {
    await server.kill();
    await wait(300);
    await server.start();
  },
  async () => {
    await server.signal('SIGSTOP');
    await wait(200);
    await server.signal('SIGKILL');
  },
  async () => {
    await server.signal('SIGSTOP');
    await wait(100);
    await server.signal('SIGCONT');
  },
  // It stands still for longer than an operation may take, and goes on.
  async () => {
    await server.signal('SIGSTOP');
    await wait(3_000);
    await server.signal('SIGCONT');
  },
  // It stands still for long, and is killed, and stays away for a while.
  async () => {
    await server.signal('SIGSTOP');
    await wait(2_500);
    await server.kill();
    await wait(1_500);
    await server.start();
  },
];
const end = performance.now() + seconds * 1000;
let faults = 0;
while (performance.now() < end) {
  await FAULTS[Math.floor(random() * FAULTS.length)]();
  faults += 1;
  await wait(100 + random() * 400);
}
const hung = await load.stop(30_000);
await finish({
  name: 'p11-kit server',
  ...{ client, outcome, hung, memory, operations, events, asking, before, faults },
  limit: 3 * (recovery + operationTimeout + waiting),
  openSessions: () => server.watcher.counters().openSessions,
  violations: () => server.watcher.violations,
  generations: () => server.watcher.counters().calls.C_GenerateKey ?? 0,
});
await server.stop();
