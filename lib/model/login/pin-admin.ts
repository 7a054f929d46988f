/** Functions that initialise tokens, and set and change PINs. */

import { requireOptions, requireString } from '../../core/arguments';
import { CryptokiError, isCode } from '../../core/errors';
import { CKR } from '../../generated/constants';
import type { Pin } from '../../pin/pin';
import type { ModelModule, ModelSession, ModelSlot, ModelToken } from '../model-types';
import { accountOf, checkForce, copyPin, type ForceOptions, guarded } from './login';
import { forgetAllRefused } from './pin-guard';
import { useForPin } from './session-access';

/** The options of Slot.initToken. */
export interface InitTokenOptions extends ForceOptions {
  /** The name of the token; up to 32 bytes as UTF-8. */
  readonly label: string;
  /** The security officer's PIN; null if it is entered at the token's own PIN pad. */
  readonly soPin: Pin | null;
}

/** A slot whose token can be initialised. */
interface InitialisableSlot<Token extends ModelToken> extends ModelSlot {
  readonly module: ModelModule & { token(selector: { readonly label: string }): Promise<Token> };
  token(): Promise<Token>;
}

/** Returns the token in the slot; undefined for a card that the module does not recognise before it is initialised. */
function tokenIn<Token extends ModelToken>(slot: InitialisableSlot<Token>): Promise<Token | undefined> {
  return slot.token().catch((error) => {
    if (isCode(error, 'CKR_TOKEN_NOT_RECOGNIZED')) return undefined;
    throw error;
  });
}

/** Initialises a token with C_InitToken; see Slot.initToken. */
export async function initToken<Token extends ModelToken>(
  slot: InitialisableSlot<Token>,
  options: InitTokenOptions,
): Promise<Token> {
  requireOptions(options, 'the options of initToken', ['label', 'soPin', 'force']);
  const { label, soPin } = options;
  const force = checkForce(options.force);
  requireString(label, 'label');
  const pin = copyPin(soPin, 'soPin');
  try {
    const before = await tokenIn(slot);
    const send = (): Promise<void> => {
      const raw = slot.module.use();
      refuseOpenSessions(slot);
      return raw.C_InitToken(slot.id, pin, label);
    };
    if (before?.initialized === true) {
      const account = accountOf(before, 'SO');
      await guarded(before, { account, pin, force, checksFlags: true }, send);
    } else {
      await send();
    }
    const after = await slot.token();
    const token =
      after.label === label.trimEnd() ? after : await slot.module.token({ label: label.trimEnd() });
    for (const identity of [before?.identity, token.identity]) {
      if (identity === undefined) continue;
      for (const user of ['USER', 'SO', 'CONTEXT_SPECIFIC'] as const) forgetAllRefused(identity, user);
    }
    return token;
  } finally {
    pin?.fill(0);
  }
}

function refuseOpenSessions(slot: ModelSlot): void {
  const count = [...slot.sessions].filter((session) => !session.closed).length;
  if (count === 0) return;
  throw new CryptokiError({
    rv: CKR.SESSION_EXISTS,
    detail: `this program has ${count} open on slot ${slot.id}, so no call was made`,
  });
}

/** Sets the user's PIN with C_InitPIN; see Session.initPin. */
export async function initPin(session: ModelSession, newPin: Pin | null): Promise<void> {
  const raw = useForPin(session, 'init');
  const pin = copyPin(newPin, 'the new PIN');
  try {
    await raw.C_InitPIN(session.name, pin);
  } finally {
    pin?.fill(0);
  }
  await changed(session.token, 'USER');
}

/** Changes a PIN with C_SetPIN; see Session.setPin. */
export async function setPin(
  session: ModelSession,
  oldPin: Pin | null,
  newPin: Pin | null,
  options: ForceOptions,
): Promise<void> {
  requireOptions(options, 'the options of setPin', ['force']);
  const force = checkForce(options.force);
  const { token } = session;
  useForPin(session, 'set');
  const user = token.user ?? 'USER';
  let before: Uint8Array | null = null;
  let after: Uint8Array | null = null;
  try {
    before = copyPin(oldPin, 'the old PIN');
    after = copyPin(newPin, 'the new PIN');
    await guarded(token, { account: accountOf(token, user), pin: before, force, checksFlags: true }, () =>
      useForPin(session, 'set').C_SetPIN(session.name, before, after),
    );
  } finally {
    before?.fill(0);
    after?.fill(0);
  }
  await changed(token, user);
}

/** Forgets refused PINs, and reads the token's flags again: NSS, for example, needs no login while it has no PIN. */
async function changed(token: ModelToken, user: 'USER' | 'SO'): Promise<void> {
  forgetAllRefused(token.identity, user);
  forgetAllRefused(token.identity, 'CONTEXT_SPECIFIC');
  await token.info().catch(() => {});
}
