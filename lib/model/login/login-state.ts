/** The login on the token in a slot, and the events when it changes. */
import { constantName } from '../../core/constant-names';
import { SESSION_STATES, type StateName } from '../../generated/session-states';
import { stateVersion } from '../../raw/state-version';
import type { ModelModule, ModelSession, ModelSlot } from '../model-types';
import type { User } from '../session-types';

/** The slots of each module; weak, so that an unused module can be collected. */
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

/** Returns the state of a session while this user is logged in. */
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

/** The login on the token in one slot, without a call of the module. Each slot has one. */
export class LoginState {
  /** The Token objects that have listeners for events of the login. */
  readonly listening = new Set<LoginListener>();
  readonly #slot: ModelSlot;
  #reported: Login;
  #read: Login = { user: undefined, epoch: 0 };
  /** The state version at which #read was read. */
  #readAt = Number.NaN;

  constructor(slot: ModelSlot) {
    this.#slot = slot;
    watch(slot);
    this.#reported = this.#now();
  }

  /** The user who is logged in at this moment, without a call of the module. */
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
   * Reports to tokens and sessions what has changed since the last update. If a login has ended and begun again in between,
   * both events are reported, because the handles of private objects are not valid any more.
   */
  update(): void {
    if (this.#slot.module.closed) {
      this.sweep();
      return;
    }
    const before = this.#reported;
    const now = this.#now();
    this.#reported = now;
    if (before.user === now.user && before.epoch === now.epoch) return;
    const isBoth = before.user !== undefined && now.user !== undefined;
    if (isBoth) this.#report(undefined);
    if (isBoth || before.user !== now.user) this.#report(now.user);
  }

  /** Emits 'state' CLOSED on sessions that ended without a logout, because their module was closed or reinitialised. */
  sweep(): void {
    for (const session of this.#slot.sessions) {
      if (session.closed) queueMicrotask(() => session.report('CLOSED'));
    }
  }

  #now(): Login {
    return this.#slot.module.closed ? { user: undefined, epoch: 0 } : this.#current();
  }

  // One microtask for each listener: an error that one throws does not affect the others, nor the caller.
  #report(user: User | undefined): void {
    for (const listener of this.listening) {
      queueMicrotask(() => listener.loginChanged(user));
    }
    for (const session of this.#slot.sessions) queueMicrotask(() => reportTo(session, user));
  }
}

function reportTo(session: ModelSession, user: User | undefined): void {
  session.report(session.closed ? 'CLOSED' : stateFor(session.readWrite, user));
}
