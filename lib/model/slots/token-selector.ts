import { outOfRange, wrongType } from '../../core/argument-errors';
import { requireOptions, requireString } from '../../core/arguments';
import { ONLY, requireSelection } from '../../core/selection';
import type { ModelToken } from '../model-types';

/** Selects a token: every member must be equal to the token's. A member that is undefined is refused, and so is a selector without members. */
export interface TokenSelector {
  readonly label?: string | undefined;
  readonly serialNumber?: string | undefined;
  readonly model?: string | undefined;
  readonly manufacturer?: string | undefined;
  /** Identifier of the slot. Many modules number slots anew at each start. */
  readonly slot?: number | bigint | undefined;
}

const TEXTS = ['label', 'serialNumber', 'model', 'manufacturer'] as const;

/** A selector of a token, or 'only': the only initialised token of the module. */
export type TokenSelection = TokenSelector | typeof ONLY;

/**
 * Checks that a value is a CK_SLOT_ID.
 * @throws TypeError ERR_INVALID_ARG_TYPE, RangeError ERR_OUT_OF_RANGE
 */
export function requireSlotId(value: unknown, name: string): asserts value is number | bigint {
  if (typeof value === 'bigint') return;
  if (typeof value !== 'number') throw wrongType(name, 'an integer (number or bigint)', value);
  if (!Number.isSafeInteger(value)) {
    throw outOfRange(name, 'a whole number of at most 2^53-1 (give larger ones as a bigint)', value);
  }
}

/**
 * Checks that a selector has members, that each is known, and that their types are right.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE
 */
export function checkSelector(selector: TokenSelection): void {
  if (selector === ONLY) return;
  requireSelection(
    selector,
    'a token selector',
    `name the token, or give '${ONLY}' to select the only initialised one`,
  );
  requireOptions(selector, 'a token selector', [...TEXTS, 'slot']);
  for (const name of TEXTS) {
    if (selector[name] !== undefined) requireString(selector[name], `${name} in a token selector`);
  }
  if (selector.slot !== undefined) requireSlotId(selector.slot, 'slot in a token selector');
}

/** Returns true when a token matches the selector; every initialised one matches 'only'. */
export function matchesToken(token: ModelToken, selector: TokenSelection): boolean {
  if (selector === ONLY) return token.initialized;
  const hasTexts = TEXTS.every((name) => selector[name] === undefined || selector[name] === token[name]);
  const isInSlot = selector.slot === undefined || BigInt(selector.slot) === token.slot.id;
  return hasTexts && isInSlot;
}

/** Returns a description for messages: "payments" (serial 1234, slot 5). */
export function describeToken(token: ModelToken): string {
  const flag = token.initialized ? '' : ', not initialised';
  return `"${token.label}" (serial ${token.serialNumber || 'none'}, slot ${token.slot.id}${flag})`;
}
