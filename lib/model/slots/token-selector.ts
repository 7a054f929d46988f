import { argumentError, requireOptions } from '../../core/arguments';
import type { ModelToken } from '../model-types';

/** Which token: every member given must be equal to the token's. */
export interface TokenSelector {
  readonly label?: string | undefined;
  readonly serialNumber?: string | undefined;
  readonly model?: string | undefined;
  readonly manufacturer?: string | undefined;
  /** Identifier of the slot. Many modules number slots anew at each start. */
  readonly slot?: number | bigint | undefined;
}

const TEXTS = ['label', 'serialNumber', 'model', 'manufacturer'] as const;

/**
 * Refuses a selector that could not fit anything as it is meant.
 * @throws TypeError ERR_INVALID_ARG_TYPE
 */
export function checkSelector(selector: TokenSelector): void {
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

/** Whether a token fits. A selector that names nothing looks at initialised tokens only. */
export function matchesToken(token: ModelToken, selector: TokenSelector): boolean {
  const isWanted = TEXTS.every((name) => selector[name] === undefined || selector[name] === token[name]);
  const isThere = selector.slot === undefined || BigInt(selector.slot) === token.slot.id;
  const isNamed = selector.slot !== undefined || TEXTS.some((name) => selector[name] !== undefined);
  return isWanted && isThere && (isNamed || token.initialized);
}

/** For messages: "payments" (serial 1234, slot 5). */
export function describeToken(token: ModelToken): string {
  return `"${token.label}" (serial ${token.serialNumber || 'none'}, slot ${token.slot.id})`;
}
