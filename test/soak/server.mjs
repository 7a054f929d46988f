// The soak over a p11-kit server: connections or the whole server are killed repeatedly, for a short or a longer time, also
// while they are suspended. Run by main.mjs.
import { setTimeout as wait } from 'node:timers/promises';
import { connect } from 'cryptoki';
import { startServer, whyNoServer } from '../support/p11-kit-server.mjs';
import { finish, KINDS, Load, Memory, Outcome, operationsOf, settings } from './ground.mjs';

if (whyNoServer !== undefined) {
  console.error(`the soak over a p11-kit server ${whyNoServer}`);
  process.exit(1);
}
const { seconds, sessions } = settings();
const server = await startServer();
const { pin, moduleOptions } = server;
const client = await connect(
  { module: server.module, token: { label: server.label } },
  { pin, moduleOptions, sessions: { max: sessions }, recovery: { timeout: 10_000 } },
);
const operations = await operationsOf(client);
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
];
const end = performance.now() + seconds * 1000;
let faults = 0;
while (performance.now() < end) {
  await FAULTS[faults % FAULTS.length]();
  faults += 1;
  await wait(100 + ((faults * 37) % 400));
}
const hung = await load.stop(30_000);
await finish({
  name: 'p11-kit server',
  ...{ client, outcome, hung, memory, operations, faults },
  openSessions: () => server.watcher.counters().openSessions,
  violations: () => server.watcher.violations,
  generations: () => server.watcher.counters().calls.C_GenerateKey ?? 0,
});
await client.close();
await server.stop();
