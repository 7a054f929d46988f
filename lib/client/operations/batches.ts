import { CryptokiError, isCode } from '../../core/errors';
import type { StorageObject } from '../../model/objects/storage-object';
import { targetOn } from '../../model/operations/batch/batch-sessions';
import type { BatchSessions, BatchTarget } from '../../model/operations/batch/batch-target';
import { PieceResults } from '../../model/operations/batch/piece-results';
import type { Session } from '../../model/session';
import type { ClientMembers, ClientObjectMembers } from '../client-types';
import { UNCLEAR } from '../connection/recovery-rules';

/** How often the messages of a piece that failed are done again although none of them succeeded, while others have. */
const MOST_IN_VAIN = 3;

/** Whether a failure is not about its message, as far as the error says: something was lost, or the token is busy. */
function mayPass(error: unknown): boolean {
  return error instanceof CryptokiError && (error.action !== 'fatal' || isCode(error, ...UNCLEAR));
}

/**
 * Batches on whatever sessions of a client's pool are free. Messages that failed for a reason that may pass are done again, as
 * single operations are.
 * @param options.repeatable false for keys that signing uses up
 * @param options.check is called before each piece, and may throw
 */
export function onClient(
  client: ClientMembers,
  object: ClientObjectMembers | undefined,
  { repeatable = true, check }: { repeatable?: boolean; check?: () => Promise<void> } = {},
): BatchSessions {
  return {
    concurrency: client.statistics().max,
    owner: client,
    run: async (operation, messages, work, { signal }) => {
      let results: PieceResults | undefined;
      const missing = (): number[] | undefined => results?.missing(mayPass);
      const once = async (session: Session, key: StorageObject | undefined): Promise<void> => {
        const available = await session.token.mechanismSet();
        const target: BatchTarget = targetOn(session, key, available);
        const only = missing();
        const raw = await work(target, only);
        if (only === undefined) results = new PieceResults(messages, raw);
        else results?.add(only, raw);
        const loss = raw.failures.find(({ error }) => mayPass(error));
        if (loss !== undefined) throw loss.error;
      };
      const options = { signal, repeatable, shares: 'piece' } as const;
      for (let inVain = 0; ; ) {
        const before = missing()?.length ?? messages;
        try {
          await check?.();
          await (object === undefined
            ? client.run(operation, options, (session) => once(session, undefined))
            : object.use(operation, options, (key, session) => once(session, key)));
        } catch (error) {
          if (signal?.aborted || !(error instanceof CryptokiError)) throw error;
          // While some succeed, the token is well enough for the others.
          const left = missing()?.length ?? messages;
          inVain = left < before ? 0 : inVain + 1;
          if (repeatable && left > 0 && left < messages && inVain < MOST_IN_VAIN) continue;
          if (results === undefined) return { count: 0, failures: [{ index: 0, error }], time: 0 };
        }
        // What was done counts; the rest fails with what it failed with last.
        return (results as PieceResults).toRaw();
      }
    },
  };
}
