/** Who is logged in on the token in a slot, and telling everybody when that changes. */
import { constantName } from '../../core/constant-names';
import { SESSION_STATES, type StateName } from '../../generated/session-states';
import { stateVersion } from '../../raw/state-version';
import type { ModelModule, ModelSession, ModelSlot } from '../model-types';
import type { User } from '../session-types';

/** By module, so that nothing keeps a module that nobody uses any more. */
const watched = new WeakMap<ModelModule, Map<bigint, ModelSlot>>();

function watch(slot: ModelSlot): void {
  let slots = watched.get(slot.module);
  if (slots === undefined) {
    slots = new Map();
    watched.set(slot.module, slots);
    const weak = new WeakRef(slots);
    slot.module.raw.watchLogins((id) => weak.deref()?.get(id)?.login.update());
  }
  slots.set(slot.id, slot);
}

/** The state of a session while this user is logged in. */
function stateFor(readWrite: boolean, user: User | undefined): StateName {
  const states = Object.keys(SESSION_STATES) as StateName[];
  const fits = (name: StateName): boolean =>
    SESSION_STATES[name].readWrite === readWrite && SESSION_STATES[name].user === user;
  return states.find(fits) ?? 'RW_SO_FUNCTIONS';
}

interface Login {
  readonly user: User | undefined;
  readonly epoch: number;
}

/** A Token that has listeners for 'login' or 'logout'. */
export interface LoginListener {
  /** @param user undefined after a logout */
  loginChanged(user: User | undefined): void;
}

/** The login on the token in one slot, as this process knows it; each slot has one. */
export class LoginState {
  /** The Token objects that have listeners for events of the login. */
  readonly listening = new Set<LoginListener>();
  readonly #slot: ModelSlot;
  #told: Login;
  #read: Login = { user: undefined, epoch: 0 };
  /** The state version at which #read was read. */
  #readAt = Number.NaN;

  constructor(slot: ModelSlot) {
    this.#slot = slot;
    watch(slot);
    this.#told = this.#now();
  }

  /** The user that is logged in now, without a call. */
  get user(): User | undefined {
    return this.#slot.module.closed ? undefined : this.#current().user;
  }

  /** The number of logins on the token that have ended; see RawModule.loginEpoch. */
  get epoch(): number {
    return this.#current().epoch;
  }

  #current(): Login {
    const version = stateVersion();
    if (version !== this.#readAt) {
      const { id, module } = this.#slot;
      const user = module.raw.loggedIn(id);
      this.#read = {
        user: user === undefined ? undefined : (constantName('CKU', user) as User),
        epoch: module.raw.loginEpoch(id),
      };
      this.#readAt = version;
    }
    return this.#read;
  }

  /**
   * Tells tokens and sessions what has changed since the last time. A login that ended and began anew in between is told
   * as both: private objects have died.
   */
  update(): void {
    if (this.#slot.module.closed) {
      this.sweep();
      return;
    }
    const before = this.#told;
    const now = this.#now();
    this.#told = now;
    if (before.user === now.user && before.epoch === now.epoch) return;
    const isBoth = before.user !== undefined && now.user !== undefined;
    if (isBoth) this.#tell(undefined);
    if (isBoth || before.user !== now.user) this.#tell(now.user);
  }

  /** Tells the sessions that are gone without a login having ended: their module was closed or initialised anew. */
  sweep(): void {
    for (const session of this.#slot.sessions) {
      if (session.closed) queueMicrotask(() => session.tell('CLOSED'));
    }
  }

  #now(): Login {
    return this.#slot.module.closed ? { user: undefined, epoch: 0 } : this.#current();
  }

  // Each in a microtask of its own: what a listener throws is its own affair, as with every emitter.
  #tell(user: User | undefined): void {
    for (const listener of this.listening) {
      queueMicrotask(() => listener.loginChanged(user));
    }
    for (const session of this.#slot.sessions) queueMicrotask(() => tellSession(session, user));
  }
}

function tellSession(session: ModelSession, user: User | undefined): void {
  session.tell(session.closed ? 'CLOSED' : stateFor(session.readWrite, user));
}
