import { type KeyObject, verify } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Client, type ClientPrivateKey, CryptokiError } from 'cryptoki';
import { expect } from 'vitest';

/** Results of many operations. */
export interface Outcome {
  /** Signatures that node:crypto verifies. */
  valid: number;
  /** Signatures that node:crypto refuses; must be 0. */
  invalid: number;
  /** Failed operations by error code. */
  readonly errors: Record<string, number>;
  /** Errors that are not a CryptokiError; must be empty. */
  readonly strange: unknown[];
}

export const noOutcome = (): Outcome => ({ valid: 0, invalid: 0, errors: {}, strange: [] });

/** Number of operations that have ended. */
export const total = ({ valid, invalid, errors, strange }: Outcome): number =>
  valid + invalid + strange.length + Object.values(errors).reduce((sum, count) => sum + count, 0);

/** Records a failed operation. */
export function noteError(outcome: Outcome, error: unknown): void {
  if (!(error instanceof CryptokiError)) outcome.strange.push(error);
  else outcome.errors[error.code] = (outcome.errors[error.code] ?? 0) + 1;
}

/** Signs one message and records the result. */
export async function signOne(
  outcome: Outcome,
  key: ClientPrivateKey,
  publicKey: KeyObject,
  message: Buffer,
): Promise<void> {
  try {
    const signature = await key.sign('ECDSA-SHA256', message);
    if (verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature))
      outcome.valid += 1;
    else outcome.invalid += 1;
  } catch (error) {
    noteError(outcome, error);
  }
}

/** Full load on a client, until it is stopped. */
export class Load {
  readonly outcome = noOutcome();
  readonly #workers: Promise<void>[];
  #stopped = false;

  /** @param width number of simultaneous signatures */
  constructor(key: ClientPrivateKey, publicKey: KeyObject, width: number) {
    this.#workers = Array.from({ length: width }, async (_, index) => {
      for (let count = 0; !this.#stopped && !key.client.closed; count += 1) {
        await signOne(this.outcome, key, publicKey, Buffer.from(`message ${index} ${count}`));
        if (count % 64 === 0) await nextTurn(); // errors may arrive without a turn of the event loop
      }
    });
  }

  /** Stops the load and checks that no operation is left. */
  async stop(): Promise<Outcome> {
    this.#stopped = true;
    await Promise.all(this.#workers);
    return this.outcome;
  }
}

/** The number of sessions that the client reports: those of the pool and the anchor session. */
const sessionsOf = (client: Client): number => client.statistics().open + 1;

/** Checks that neither side has lost a session. A session that is being opened when operations end is reported a little later. */
export async function expectSessions(onToken: () => number, ...clients: readonly Client[]): Promise<void> {
  const known = (): number => clients.reduce((sum, client) => sum + sessionsOf(client), 0);
  await expect.poll(() => [onToken(), known()]).toSatisfy(([there, here]: number[]) => there === here);
}
