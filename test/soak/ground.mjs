// The operations, counters and checks that both soaks share.
import { createHash, verify } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';

/** The options that main.mjs passes on. */
export function settings() {
  const options = {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    sessions: { type: 'string', default: '8' },
  };
  const { values } = parseArgs({ options });
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value)]));
}

/**
 * Error codes that an operation may have while faults are injected, with their meaning. Any other code is a fault of this
 * package.
 */
export const CLASSIFIED = {
  // errors of the module
  CKR_DEVICE_ERROR: 'device lost',
  CKR_DEVICE_REMOVED: 'token removed',
  CKR_TOKEN_NOT_PRESENT: 'token removed',
  CKR_GENERAL_ERROR: 'module failed',
  CKR_FUNCTION_FAILED: 'module failed',
  CKR_HOST_MEMORY: 'module short of something',
  CKR_DEVICE_MEMORY: 'module short of something',
  CKR_OPERATION_ACTIVE: 'session lost',
  CKR_SESSION_CLOSED: 'session lost',
  CKR_SESSION_HANDLE_INVALID: 'session lost',
  CKR_USER_NOT_LOGGED_IN: 'login lost',
  CKR_KEY_HANDLE_INVALID: 'login lost',
  CKR_OBJECT_HANDLE_INVALID: 'login lost',
  CKR_CRYPTOKI_NOT_INITIALIZED: 'device lost',
  CKR_SLOT_ID_INVALID: 'token removed',
  CKR_PIN_INCORRECT: 'PIN provider',
  // errors of PIN providers
  ERR_SOAK_PROVIDER: 'PIN provider',
  ERR_INVALID_ARG_TYPE: 'PIN provider',
  ERR_CRYPTOKI_PIN_REFUSED: 'PIN provider',
  ERR_CRYPTOKI_LOGIN_NEEDED: 'PIN provider',
  // errors of this package
  ERR_CRYPTOKI_ACCESS: 'login lost',
  ERR_CRYPTOKI_SESSION_CLOSED: 'session lost',
  ERR_CRYPTOKI_OBJECT_DEAD: 'login lost',
  ERR_CRYPTOKI_TOKEN_NOT_FOUND: 'token removed',
  ERR_CRYPTOKI_TIMEOUT: 'waited in vain',
};

/** Returns true if the error states the fault of the token. @param {unknown} error */
export const isClassified = (error) => error instanceof Error && error.code in CLASSIFIED;

/** Pseudorandom numbers from 0 to 1, determined by the seed (mulberry32). @param {number} seed */
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Results of the operations of a soak. */
export class Outcome {
  begun = 0;
  valid = 0;
  /** Wrong results; must be 0. */
  wrong = 0;
  /** Errors by code. */
  errors = {};
  /** Errors without a useful code; must be empty. */
  unclassified = [];
  /** The longest time of an operation in milliseconds. */
  longest = 0;

  get failed() {
    return Object.values(this.errors).reduce((sum, count) => sum + count, 0) + this.unclassified.length;
  }

  /** Runs one operation; `check` returns true if its result is right. */
  async run(work, check) {
    this.begun += 1;
    const begun = performance.now();
    try {
      if (check(await work())) this.valid += 1;
      else this.wrong += 1;
    } catch (error) {
      if (isClassified(error)) this.errors[error.code] = (this.errors[error.code] ?? 0) + 1;
      else this.unclassified.push(error);
    }
    this.longest = Math.max(this.longest, performance.now() - begun);
  }
}

/** Memory of the process over time. */
export class Memory {
  #samples = [];
  #timer;

  /** @param every interval in milliseconds */
  constructor(every) {
    this.#timer = setInterval(() => {
      globalThis.gc?.();
      this.#samples.push(process.memoryUsage.rss() / 2 ** 20);
    }, every);
  }

  /** The medians of the second and last third, in MiB; the first third is warm-up. */
  stop() {
    clearInterval(this.#timer);
    const third = Math.floor(this.#samples.length / 3);
    const median = (samples) => samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)] ?? 0;
    return {
      before: median(this.#samples.slice(third, 2 * third)),
      after: median(this.#samples.slice(2 * third)),
    };
  }
}

/** Keeps a number of operations in flight until it is stopped. */
export class Load {
  #stopped = false;
  #workers;

  /** @param width number of workers @param once runs one operation, given the numbers of the worker and of the round */
  constructor(width, once) {
    this.#workers = Array.from({ length: width }, async (_, index) => {
      for (let round = 0; !this.#stopped; round += 1) {
        await once(index, round);
        if (round % 64 === 63) await new Promise(setImmediate);
      }
    });
  }

  /** @returns the number of operations that have not ended after `patience` milliseconds; must be 0 */
  async stop(patience) {
    this.#stopped = true;
    let left = this.#workers.length;
    const all = this.#workers.map((worker) => worker.then(() => (left -= 1)));
    await Promise.race([Promise.all(all), new Promise((resolve) => setTimeout(resolve, patience).unref())]);
    return left;
  }
}

/** The operations of a soak, in turn. */
export const KINDS = ['sign', 'verify', 'sign', 'digest', 'batch', 'random', 'sign', 'generate'];

/** Creates the key of a soak; returns operations on it with their checks. */
export async function operationsOf(client) {
  const made = await client.generateKeyPair('EC', { curve: 'P-256', label: 'soak', token: true });
  const publicKey = await made.publicKey.toKeyObject();
  const [key, onToken] = [
    await client.privateKey({ label: 'soak' }),
    await client.publicKey({ label: 'soak' }),
  ];
  const options = { key: publicKey, dsaEncoding: 'ieee-p1363' };
  const isGood = (message, signature) => verify('sha256', message, options, signature);
  const fixed = Buffer.from('a message that is signed once');
  const signature = await key.sign('ECDSA-SHA256', fixed);
  const generated = { wanted: 0, made: 0 };
  const sha256 = createHash('sha256').update(fixed).digest();
  return {
    sign: (message) => [() => key.sign('ECDSA-SHA256', message), (its) => isGood(message, its)],
    verify: () => [() => onToken.verify('ECDSA-SHA256', fixed, signature), (answer) => answer],
    digest: () => [() => client.digest('SHA-256', fixed), (its) => its.equals(sha256)],
    random: () => [() => client.random(32), (its) => its.length === 32],
    batch: (message) => {
      const messages = Array.from({ length: 8 }, (_, index) => Buffer.concat([message, Buffer.of(index)]));
      const check = (results) => {
        for (const error of results.failures.values()) if (!isClassified(error)) throw error;
        const isDone = (index) => !results.failures.has(index);
        return messages.every((its, index) => !isDone(index) || isGood(its, results.at(index)));
      };
      return [() => key.signMany('ECDSA-SHA256', messages), check];
    },
    /** Is repeated only after a refusal that proves that no key was created, because a second key would be left over. */
    generate: () => [
      async () => {
        generated.wanted += 1;
        const secret = await client.generateKey('AES', { valueLen: 16, label: 'soak' });
        generated.made += 1;
        await destroyed(secret);
      },
      () => true,
    ],
    generated,
  };
}

/** Destroys a key; repeats that if the token refuses. The soak does not wait for the garbage collector. */
async function destroyed(secret) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await secret[Symbol.asyncDispose]();
      return;
    } catch (error) {
      if (attempt > 200) throw error;
      await wait(50);
    }
  }
}

/**
 * Checks the events of a client: each loss begins once, is reported as down once, and ends.
 * @returns the events in the wrong order
 */
export function followEvents(client) {
  const wrong = [];
  let state = 'well';
  const losses = { begun: 0, down: 0, ended: 0 };
  client.on('recovering', () => {
    if (state !== 'well') wrong.push(`'recovering' while it was ${state}`);
    state = 'recovering';
    losses.begun += 1;
  });
  client.on('down', () => {
    if (state !== 'recovering') wrong.push(`'down' while it was ${state}`);
    state = 'down';
    losses.down += 1;
  });
  client.on('recovered', () => {
    if (state === 'well') wrong.push(`'recovered' while it was well`);
    state = 'well';
    losses.ended += 1;
  });
  return { wrong, losses };
}

/** Calls health() repeatedly. @returns the number of results and the longest duration in milliseconds */
export function followHealth(client) {
  const health = { asked: 0, ok: 0, longest: 0, failed: 0 };
  let isStopped = false;
  const asking = (async () => {
    while (!isStopped) {
      const begun = performance.now();
      try {
        const { ok } = await client.health();
        health.asked += 1;
        if (ok) health.ok += 1;
      } catch {
        health.failed += 1; // health() must not throw
      }
      health.longest = Math.max(health.longest, performance.now() - begun);
      await wait(200);
    }
  })();
  const stop = () => {
    isStopped = true;
    return Promise.race([asking, wait(15_000, undefined, { ref: false })]);
  };
  return { health, stop };
}

/** Native threads of the process (if they can be counted) and timers that keep it alive. */
export function holdings() {
  const threads = process.platform === 'linux' ? readdirSync('/proc/self/task').length : 0;
  const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  return { threads, timers };
}

/** Idle threads end within this time, in milliseconds. */
const THREADS_END = 40_000;
/** Time by which an operation may exceed its limits on a busy machine, in milliseconds. */
const SLACK = 10_000;

/** Allowed growth of memory in MiB between the second and the last third, because the collector causes variations. */
const GROWTH = 12;

/**
 * Checks that the client works after the faults have ended, closes it, checks what is left over, prints the numbers as JSON for
 * main.mjs, and sets the exit code.
 * @param {object} its name, client, outcome, hung, memory, operations, faults; openSessions() and violations() of the token, generations(): number of
 *   calls of C_GenerateKey; events and asking: results of followEvents() and followHealth(); before: result of holdings() before the client was created;
 *   limit: longest duration of an operation in milliseconds; more: other numbers
 */
export async function finish({
  name,
  client,
  outcome,
  hung,
  memory,
  operations,
  faults,
  openSessions,
  violations,
  generations,
  events,
  asking,
  before: held,
  limit,
  more = {},
}) {
  const after = new Outcome();
  for (let i = 0; i < 50; i += 1) await after.run(...operations.sign(Buffer.of(i)));
  await asking.stop();
  const end = performance.now() + 10_000;
  while (client.statistics().hung > 0 && performance.now() < end) await wait(50);
  const {
    open,
    waiting,
    lent,
    hung: hanging,
    pinned,
    recoveries,
    logins,
    retries,
    givenUp,
  } = client.statistics();
  const { before, after: atEnd } = memory.stop();
  const problems = [];
  const expect = (isFine, problem) => isFine || problems.push(problem);
  expect(hung === 0, `${hung} operations hang`);
  expect(outcome.wrong === 0, `${outcome.wrong} results are wrong`);
  for (const error of outcome.unclassified.slice(0, 5))
    problems.push(`unclassified: ${error?.stack ?? error}`);
  const ended = outcome.valid + outcome.wrong + outcome.failed;
  expect(outcome.begun === ended, `${outcome.begun} operations were begun and ${ended} have ended`);
  expect(outcome.valid > 0, 'nothing was done');
  expect(recoveries > 0, 'nothing was recovered');
  expect(outcome.longest < limit + SLACK, `an operation took ${Math.round(outcome.longest)} ms, of ${limit}`);
  expect(
    after.valid === 50,
    `afterwards only ${after.valid} of 50 operations work: ${JSON.stringify(after.errors)} ${after.unclassified[0] ?? ''}`,
  );
  expect(
    waiting + lent === 0,
    `${waiting} operations wait and ${lent} sessions are lent (${hanging} hang), but nothing is done`,
  );
  expect(pinned === 0, `${pinned} sessions are kept for keys that are gone`);
  const { wanted, made } = operations.generated;
  const isOnce = made <= generations() && made <= wanted;
  expect(isOnce, `of ${wanted} keys ${made} were made, with ${generations()} calls`);
  const left = await client.find({ class: 'SECRET_KEY', label: 'soak' });
  expect(left.length === 0, `${left.length} keys are left over`);
  const sessions = client.statistics().open + 1;
  expect(
    openSessions() === sessions,
    `the token has ${openSessions()} sessions, the client says ${sessions}`,
  );
  expect(atEnd - before < GROWTH, `memory has grown from ${before.toFixed(0)} to ${atEnd.toFixed(0)} MiB`);
  for (const violation of violations().slice(0, 5)) problems.push(`violation: ${JSON.stringify(violation)}`);
  for (const wrong of events.wrong.slice(0, 5)) problems.push(`event: ${wrong}`);
  const { health } = asking;
  expect(health.failed === 0, `health() has thrown ${health.failed} times`);
  expect(health.longest < 5_000 + SLACK, `health() took ${Math.round(health.longest)} ms`);
  await client.close();
  expect(openSessions() === 0, `${openSessions()} sessions are left over`);
  await expectHoldings(held, expect);
  const { begun, valid, errors, longest } = outcome;
  const numbers = { name, faults, begun, valid, errors, retries, recoveries, logins, sessions: open + 1 };
  const heal = { givenUp, losses: events.losses, health };
  const report = {
    ...numbers,
    ...heal,
    ...more,
    longest: Math.round(longest),
    before,
    after: atEnd,
    problems,
  };
  console.log(JSON.stringify(report));
  process.exitCode = problems.length > 0 ? 1 : 0;
}

/** Threads and timers end when the client is closed; idle threads are kept for a while. */
async function expectHoldings(held, expect) {
  const end = performance.now() + THREADS_END;
  // Node and the garbage collector may have begun a few of their own.
  const isOver = ({ threads, timers }) => threads <= held.threads + 4 && timers <= held.timers;
  while (!isOver(holdings()) && performance.now() < end) await wait(500);
  const { threads, timers } = holdings();
  expect(threads <= held.threads + 4, `there were ${held.threads} threads, and now ${threads}`);
  expect(timers <= held.timers, `there were ${held.timers} timers, and now ${timers}`);
}
