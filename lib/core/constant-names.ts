import type { Families, Named } from '../generated/attributes';
import * as generated from '../generated/constants';
import { unknownName, wrongType } from './argument-errors';

const FAMILIES = generated as unknown as Record<keyof Families, Readonly<Record<string, number>>>;

const names = new Map<keyof Families, Map<number, string>>();

function namesOf(family: keyof Families): Map<number, string> {
  let table = names.get(family);
  if (table === undefined) {
    table = new Map();
    // The first name wins: later ones with the same number are legacy synonyms.
    for (const [name, value] of Object.entries(FAMILIES[family]))
      if (!table.has(value)) table.set(value, name);
    names.set(family, table);
  }
  return table;
}

/**
 * Returns the name of a number in a family of constants: constantName('CKK', 3) is 'EC'. Returns the number itself if it has no
 * standard name (vendors define their own).
 */
export function constantName<Family extends keyof Families>(family: Family, value: number): Named<Family> {
  return (namesOf(family).get(value) ?? value) as Named<Family>;
}

/** Returns the standard bits of CK_FLAGS as a number for bit operations: vendors set others, up to bit 63. */
export function smallFlags(flags: number | bigint): number {
  return Number(BigInt.asUintN(32, BigInt(flags)));
}

/**
 * Returns the number of a name in a family of constants: constantValue('CKK', 'EC') is 3. Returns numbers unchanged.
 * @throws TypeError ERR_INVALID_ARG_VALUE for a name that PKCS#11 3.2 does not define; TypeError ERR_INVALID_ARG_TYPE for
 *   a value that is neither a name nor a number
 */
export function constantValue(family: keyof Families, name: string | number | bigint): number | bigint {
  if (typeof name === 'number' || typeof name === 'bigint') return name;
  if (typeof name !== 'string') throw wrongType(`a ${family}`, 'a name or a number', name);
  const table = FAMILIES[family];
  const prefix = `${family}_`;
  const key = name.startsWith(prefix) ? name.slice(prefix.length) : name;
  const value = Object.hasOwn(table, key) ? table[key] : undefined;
  if (value === undefined) throw unknownName(`${prefix} name`, key, Object.keys(table));
  return value;
}
