import { wrongType, wrongValue } from '../../../core/argument-errors';
import { requireOptionsObject } from '../../../core/arguments';
import type { ModelObject, ModelSession } from '../../model-types';
import type { BatchOptions } from './batch';
import type { BatchSessions, BatchTarget } from './batch-target';

/** The options of a batch on sessions of the caller. */
export interface ModelBatchOptions extends BatchOptions {
  /** Sessions with the key's token to use at the same time; default the key's session. */
  readonly sessions?: readonly ModelSession[] | undefined;
}

/**
 * Checks that options are an object.
 * @throws TypeError ERR_INVALID_ARG_TYPE
 */
export function batchOptions(options: ModelBatchOptions): ModelBatchOptions {
  requireOptionsObject(options, 'the options of a batch');
  return options;
}

/**
 * Returns sessions of the caller for batches: a piece is run on the session with the fewest messages in flight.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function onSessions(sessions: readonly ModelSession[], key: ModelObject | undefined): BatchSessions {
  if (!Array.isArray(sessions)) throw wrongType('sessions', 'an array of sessions', sessions);
  if (sessions.length === 0) throw wrongValue('sessions must not be empty; give at least one session');
  for (const session of sessions as readonly unknown[]) {
    if (!isSession(session)) throw wrongType('each element of sessions', 'a session', session);
  }
  const keys = sessions.map((session) => (key === undefined ? undefined : key.on(session)));
  const inFlight = sessions.map(() => 0);
  return {
    concurrency: sessions.length,
    owner: (sessions[0] as ModelSession).token.slot,
    run: async (_operation, messages, work) => {
      const index = inFlight.indexOf(Math.min(...inFlight));
      const session = sessions[index] as ModelSession;
      inFlight[index] = (inFlight[index] as number) + messages;
      try {
        const available = await session.token.mechanismSet();
        return await work(targetOn(session, keys[index], available));
      } finally {
        inFlight[index] = (inFlight[index] as number) - messages;
      }
    },
  };
}

/** Recognises a session by its members, because it can be of another copy of the package. */
function isSession(session: unknown): boolean {
  return typeof session === 'object' && session !== null && 'token' in session && 'name' in session;
}

/**
 * Returns the target of a piece.
 * @throws ERR_CRYPTOKI_OBJECT_DEAD, ERR_CRYPTOKI_SESSION_CLOSED, ERR_CRYPTOKI_MODULE_CLOSED
 */
export function targetOn(
  session: ModelSession,
  key: ModelObject | undefined,
  available: ReadonlySet<number>,
): BatchTarget {
  const raw = key === undefined ? session.use() : key.use();
  return { raw, session: session.name, key: key?.handle ?? 0n, object: key, available };
}
