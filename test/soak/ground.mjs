// The operations, counters and checks that both soaks share.
import { createHash, verify } from 'node:crypto';
import { parseArgs } from 'node:util';
import { CryptokiError } from 'cryptoki';

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
  // errors of this package
  ERR_CRYPTOKI_SESSION_CLOSED: 'session lost',
  ERR_CRYPTOKI_OBJECT_DEAD: 'login lost',
  ERR_CRYPTOKI_TOKEN_NOT_FOUND: 'token removed',
  ERR_CRYPTOKI_TIMEOUT: 'waited in vain',
};

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
      if (error instanceof CryptokiError && error.code in CLASSIFIED)
        this.errors[error.code] = (this.errors[error.code] ?? 0) + 1;
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
export const KINDS = ['sign', 'verify', 'sign', 'digest', 'sign', 'random', 'sign', 'generate'];

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
    /** Is never repeated, because a key that was created twice would be left over. */
    generate: () => [
      async () => {
        generated.wanted += 1;
        const secret = await client.generateKey('AES', { valueLen: 16 });
        generated.made += 1;
        await secret[Symbol.asyncDispose]();
      },
      () => true,
    ],
    generated,
  };
}

/** Allowed growth of memory in MiB between the second and the last third, because the collector causes variations. */
const GROWTH = 12;

/**
 * Checks that the client works after the faults have ended, prints the numbers as JSON for main.mjs, and sets the exit code.
 * @param {object} its name, client, outcome, hung, memory, operations, faults; openSessions() and violations() of the token, generations(): number of calls of
 *   C_GenerateKey
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
}) {
  const after = new Outcome();
  for (let i = 0; i < 50; i += 1) await after.run(...operations.sign(Buffer.of(i)));
  const { open, waiting, lent, pinned, recoveries, logins, retries } = client.statistics();
  const { before, after: end } = memory.stop();
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
  expect(
    after.valid === 50,
    `afterwards only ${after.valid} of 50 operations work: ${JSON.stringify(after.errors)}`,
  );
  expect(
    waiting + lent === 0,
    `${waiting} operations wait and ${lent} sessions are lent, but nothing is done`,
  );
  expect(pinned === 0, `${pinned} sessions are kept for keys that are gone`);
  const { wanted, made } = operations.generated;
  const isOnce = made <= generations() && generations() <= wanted;
  expect(isOnce, `of ${wanted} keys ${made} were made, with ${generations()} calls`);
  expect(
    openSessions() === open + 1,
    `the token has ${openSessions()} sessions, the client says ${open + 1}`,
  );
  expect(end - before < GROWTH, `memory has grown from ${before.toFixed(0)} to ${end.toFixed(0)} MiB`);
  for (const violation of violations().slice(0, 5)) problems.push(`violation: ${JSON.stringify(violation)}`);
  const { begun, valid, errors, longest } = outcome;
  const numbers = { name, faults, begun, valid, errors, retries, recoveries, logins, sessions: open + 1 };
  console.log(JSON.stringify({ ...numbers, longest: Math.round(longest), before, after: end, problems }));
  process.exitCode = problems.length > 0 ? 1 : 0;
}
