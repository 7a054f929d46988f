import { CryptokiError } from '../../core/errors';
import type { StorageObject } from '../../model/objects/storage-object';
import type { BatchSessions, BatchTarget } from '../../model/operations/batch/batch-operations';
import { targetOn } from '../../model/operations/batch/batch-sessions';
import type { Session } from '../../model/session';
import type { RawBatch } from '../../raw/batches';
import type { Client } from '../client';
import type { ClientObject } from '../objects/client-object';

/** The first failure that is not about its message: something was lost, or the token is busy. */
function lossIn(raw: RawBatch): CryptokiError | undefined {
  for (const { error } of raw.failures) {
    if (error instanceof CryptokiError && error.action !== 'fatal') return error;
  }
  return undefined;
}

/**
 * Batches on whatever sessions of a client's pool are free. A piece in which something was lost is done again when that is
 * back.
 * @param options.repeatable false for keys that signing uses up
 * @param options.check is called before each piece, and may throw
 */
export function onClient(
  client: Client,
  object: ClientObject | undefined,
  { repeatable = true, check }: { repeatable?: boolean; check?: () => Promise<void> } = {},
): BatchSessions {
  return {
    lanes: client.statistics().max,
    owner: client,
    run: async (operation, _messages, work, { signal }) => {
      let last: RawBatch | undefined;
      const once = async (session: Session, key: StorageObject | undefined): Promise<RawBatch> => {
        const available = await session.token.mechanismSet();
        const target: BatchTarget = targetOn(session, key, available);
        last = await work(target);
        const loss = lossIn(last);
        if (loss !== undefined) throw loss;
        return last;
      };
      try {
        await check?.();
        return await (object === undefined
          ? client.run(operation, { signal, repeatable, shares: 'piece' }, (session) =>
              once(session, undefined),
            )
          : object.use(operation, { signal, repeatable, shares: 'piece' }, (key, session) =>
              once(session, key),
            ));
      } catch (error) {
        if (signal?.aborted || !(error instanceof CryptokiError)) throw error;
        // It was not to be had back. What was done before counts; the rest fails with this.
        return last ?? { count: 0, failures: [{ index: 0, error }], time: 0 };
      }
    },
  };
}
