import { argumentError, requireOptionsObject } from '../../../core/arguments';
import type { ModelObject, ModelSession } from '../../model-types';
import type { BatchOptions } from './batch';
import type { BatchSessions, BatchTarget } from './batch-target';

/** How a batch is done on sessions of the caller's. */
export interface ModelBatchOptions extends BatchOptions {
  /** Sessions of the key's token to use side by side; default the key's own. */
  readonly sessions?: readonly ModelSession[] | undefined;
}

/** @throws TypeError ERR_INVALID_ARG_TYPE for options that are no object */
export function batchOptions(options: ModelBatchOptions): ModelBatchOptions {
  requireOptionsObject(options, 'the options of a batch');
  return options;
}

/** Batches on sessions of the caller's: a piece goes where the fewest messages are under way. */
export function onSessions(sessions: readonly ModelSession[], key: ModelObject | undefined): BatchSessions {
  if (!Array.isArray(sessions) || sessions.length === 0 || !sessions.every(isSession)) {
    throw argumentError(TypeError, 'sessions must be an array of at least one session');
  }
  const own = sessions.map((session) => (key === undefined ? undefined : key.on(session)));
  const underWay = sessions.map(() => 0);
  return {
    lanes: sessions.length,
    owner: (sessions[0] as ModelSession).token.slot,
    run: async (_operation, messages, work) => {
      const index = underWay.indexOf(Math.min(...underWay));
      const session = sessions[index] as ModelSession;
      underWay[index] = (underWay[index] as number) + messages;
      try {
        const available = await session.token.mechanismSet();
        return await work(targetOn(session, own[index], available));
      } finally {
        underWay[index] = (underWay[index] as number) - messages;
      }
    },
  };
}

/** By what it has, since a ModelSession can be of another copy of the package. */
function isSession(session: unknown): boolean {
  return typeof session === 'object' && session !== null && 'token' in session && 'name' in session;
}

/** The target of a piece. It checks that session and key are alive. */
export function targetOn(
  session: ModelSession,
  key: ModelObject | undefined,
  available: ReadonlySet<number>,
): BatchTarget {
  const raw = key === undefined ? session.use() : key.use();
  return { raw, session: session.name, key: key?.handle ?? 0n, object: key, available };
}
