import { argumentError } from './constants';
import type { Token } from './token';

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

/** Whether a token fits. A selector without label and serial number looks at initialised tokens only. */
export function matchesToken(token: Token, selector: TokenSelector): boolean {
  if (typeof selector !== 'object' || selector === null) {
    throw argumentError(TypeError, 'a token selector must be an object such as { label: "payments" }');
  }
  for (const [name, value] of Object.entries(selector)) {
    if (name === 'slot') {
      if (value !== undefined && typeof value !== 'bigint' && !Number.isSafeInteger(value)) {
        throw argumentError(TypeError, 'slot in a token selector must be an integer (number or bigint)');
      }
    } else if (!TEXTS.some((text) => text === name)) {
      throw argumentError(TypeError, `a token selector has no "${name}"; it has ${TEXTS.join(', ')} and slot`);
    } else if (value !== undefined && typeof value !== 'string') {
      throw argumentError(TypeError, `${name} in a token selector must be a string`);
    }
  }
  const isWanted = TEXTS.every((name) => selector[name] === undefined || selector[name] === token[name]);
  const isThere = selector.slot === undefined || BigInt(selector.slot) === token.slot.id;
  const isNamed = TEXTS.some((name) => selector[name] !== undefined) || selector.slot !== undefined;
  return isWanted && isThere && (isNamed || token.initialized);
}

/** For messages: "payments" (serial 1234, slot 5). */
export function describeToken(token: Token): string {
  return `"${token.label}" (serial ${token.serialNumber || 'none'}, slot ${token.slot.id})`;
}
