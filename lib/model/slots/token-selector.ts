import { argumentError, requireOptions } from '../../core/arguments';
import { ONLY, requireSelection } from '../../core/selection';
import type { ModelToken } from '../model-types';

/** Which token: every member given must be equal to the token's. A member that is undefined is refused, and so is a selector without members. */
export interface TokenSelector {
  readonly label?: string | undefined;
  readonly serialNumber?: string | undefined;
  readonly model?: string | undefined;
  readonly manufacturer?: string | undefined;
  /** Identifier of the slot. Many modules number slots anew at each start. */
  readonly slot?: number | bigint | undefined;
}

const TEXTS = ['label', 'serialNumber', 'model', 'manufacturer'] as const;

/** Which token, or 'only': the only initialised one that there is. */
export type TokenSelection = TokenSelector | typeof ONLY;

/**
 * Refuses a selector that could not fit anything as it is meant, or that says nothing.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function checkSelector(selector: TokenSelection): void {
  if (selector === ONLY) return;
  requireSelection(
    selector,
    'a token selector',
    `name the token, or give '${ONLY}' to ask for the only initialised one`,
  );
  requireOptions(selector, 'the members of a token selector', [...TEXTS, 'slot']);
  for (const name of TEXTS) {
    if (selector[name] !== undefined && typeof selector[name] !== 'string') {
      throw argumentError(TypeError, `${name} in a token selector must be a string`);
    }
  }
  const { slot } = selector;
  if (slot !== undefined && typeof slot !== 'bigint' && !Number.isSafeInteger(slot)) {
    throw argumentError(TypeError, 'slot in a token selector must be an integer (number or bigint)');
  }
}

/** Whether a token fits; every initialised one fits 'only'. */
export function matchesToken(token: ModelToken, selector: TokenSelection): boolean {
  if (selector === ONLY) return token.initialized;
  const isWanted = TEXTS.every((name) => selector[name] === undefined || selector[name] === token[name]);
  const isThere = selector.slot === undefined || BigInt(selector.slot) === token.slot.id;
  return isWanted && isThere;
}

/** For messages: "payments" (serial 1234, slot 5). */
export function describeToken(token: ModelToken): string {
  const flag = token.initialized ? '' : ', not initialised';
  return `"${token.label}" (serial ${token.serialNumber || 'none'}, slot ${token.slot.id}${flag})`;
}
