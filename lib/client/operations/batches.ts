import { CryptokiError, isCode } from '../../core/errors';
import type { StorageObject } from '../../model/objects/storage-object';
import { targetOn } from '../../model/operations/batch/batch-sessions';
import type { BatchSessions, BatchTarget } from '../../model/operations/batch/batch-target';
import { PieceResults } from '../../model/operations/batch/piece-results';
import type { Session } from '../../model/session';
import type { ClientMembers, ClientObjectMembers } from '../client-types';
import { UNCLEAR } from '../connection/recovery-rules';

/** Limit of successive repetitions without any success, for the failed messages of a piece of which others have succeeded. */
const MAX_REPETITIONS_WITHOUT_SUCCESS = 3;

/** Returns true for an error that can have another cause than the message: a loss, or a busy token. */
function isTemporary(error: unknown): boolean {
  return error instanceof CryptokiError && (error.action !== 'fatal' || isCode(error, ...UNCLEAR));
}

/**
 * Returns the sessions of a client for batches: the free ones of its pool. Messages that fail for a temporary reason are
 * repeated, as single operations are.
 * @param options.repeatable false for keys with a limited number of signatures
 * @param options.check a function that is called before each piece and may throw
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
      const missing = (): number[] | undefined => results?.missing(isTemporary);
      const once = async (session: Session, key: StorageObject | undefined): Promise<void> => {
        const available = await session.token.mechanismSet();
        const target: BatchTarget = targetOn(session, key, available);
        const only = missing();
        const raw = await work(target, only);
        if (only === undefined) results = new PieceResults(messages, raw);
        else results?.add(only, raw);
        const loss = raw.failures.find(({ error }) => isTemporary(error));
        if (loss !== undefined) throw loss.error;
      };
      const options = { signal, repeatable, shares: 'piece' } as const;
      for (let withoutSuccess = 0; ; ) {
        const before = missing()?.length ?? messages;
        try {
          await check?.();
          await (object === undefined
            ? client.run(operation, options, (session) => once(session, undefined))
            : object.use(operation, options, (key, session) => once(session, key)));
        } catch (error) {
          if (signal?.aborted || !(error instanceof CryptokiError)) throw error;
          // If some messages have succeeded, the token works, so the others are repeated.
          const left = missing()?.length ?? messages;
          withoutSuccess = left < before ? 0 : withoutSuccess + 1;
          const isPromising = left < messages && withoutSuccess < MAX_REPETITIONS_WITHOUT_SUCCESS;
          if (repeatable && left > 0 && isPromising) continue;
          if (results === undefined) return { count: 0, failures: [{ index: 0, error }], time: 0 };
        }
        // The results so far; messages without a result have their last error.
        return (results as PieceResults).toRaw();
      }
    },
  };
}
