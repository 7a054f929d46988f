import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type Client, connect, Module } from 'cryptoki';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Server, startServer, whyNoServer } from '../support/p11-kit-server.mjs';

interface Report {
  readonly valid: number;
  readonly invalid: number;
  readonly errors: Record<string, number>;
  readonly sessions: number;
  readonly done?: boolean;
}

const PROGRAM = new URL('../support/programs/recovery-worker.mjs', import.meta.url);
const COUNT = 3;
const ROUNDS = 4;

/** A worker thread with a client of its own, under load. */
class Thread {
  readonly #worker: Worker;
  valid = 0;
  report: Report | undefined;

  constructor(workerData: object) {
    this.#worker = new Worker(PROGRAM, { workerData });
    this.#worker.on('message', (message: Report) => {
      this.valid = message.valid;
      if (message.done) this.report = message;
    });
  }

  async stop(): Promise<Report> {
    this.#worker.postMessage('stop');
    while (this.report === undefined) await once(this.#worker, 'message');
    return this.report;
  }

  async end(): Promise<void> {
    const ended = once(this.#worker, 'exit');
    this.#worker.postMessage('close');
    await ended;
  }
}

describe.skipIf(whyNoServer !== undefined)('clients in several threads on one p11-kit server', () => {
  let server: Server;
  let client: Client;
  let threads: Thread[];

  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.stop());
  beforeEach(async () => {
    const { module, label, pin, moduleOptions } = server;
    client = await connect({ module, token: { label } }, { pin, moduleOptions });
    for (const object of await client.find({ token: true })) await object.destroy();
    const pair = await client.generateKeyPair('EC', { curve: 'P-256', label: 'signing', token: true });
    const jwk = (await pair.publicKey.toKeyObject()).export({ format: 'jwk' });
    threads = Array.from({ length: COUNT }, () => new Thread({ module, label, pin, moduleOptions, jwk }));
    await expect.poll(() => threads.every(({ valid }) => valid > 10), { timeout: 10_000 }).toBe(true);
    server.save();
    server.watcher.resetCounters();
  });
  afterEach(() => client?.close());

  const initialisations = (): number => server.watcher.counters().calls.C_Initialize ?? 0;

  /** Injects a fault for all clients and checks that all continue and no session is left open. */
  async function survive(fault: () => Promise<void>): Promise<void> {
    for (let round = 0; round < ROUNDS; round += 1) {
      const initialised = initialisations();
      await fault();
      await expect.poll(initialisations, { timeout: 15_000 }).toBeGreaterThan(initialised);
      const before = threads.map(({ valid }) => valid);
      const goOn = (): boolean => threads.every(({ valid }, i) => valid > (before[i] ?? 0) + 20);
      await expect.poll(goOn, { timeout: 15_000 }).toBe(true);
    }
    const reports = await Promise.all(threads.map((thread) => thread.stop()));
    for (const { invalid, errors } of reports)
      expect({ invalid, errors }).toEqual({ invalid: 0, errors: {} });
    await client.random(1);
    const sessions = reports.reduce((sum, report) => sum + report.sessions, client.statistics().open + 1);
    const { openSessions } = server.watcher.counters();
    expect(openSessions).toBe(sessions);
    expect(server.watcher.violations).toEqual([]);
    expect(initialisations()).toBeLessThanOrEqual(ROUNDS * 3); // a late client finds the work done; without sharing it would be clients x rounds x tries
    await Promise.all(threads.map((thread) => thread.end()));
  }

  test('recover when all lose the connection', () => survive(() => server.signal('SIGKILL')), 60_000);

  test(
    'recover when the server is restarted',
    () =>
      survive(async () => {
        await server.kill();
        await server.start();
      }),
    60_000,
  );

  test('recover when one of them reinitialises the module', async () => {
    const module = await Module.open(server.module, server.moduleOptions);
    await survive(() => module.reinitialise());
    await module.close();
  }, 60_000);
});
