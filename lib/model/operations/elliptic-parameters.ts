/** CKA_EC_PARAMS of keys, read once per key. */
import type { RawAttributeResult } from '../../raw/values';
import { attributeType, fromResults } from '../attributes';
import type { ModelObject } from '../model-types';
import { specifiesCurve } from '../objects/elliptic-key-info';

/** The parameters by StorageObject.life, which all JavaScript objects for a key share; null if the module does not return them. */
const known = new WeakMap<object, Buffer | null>();

function remember(key: ModelObject, results: readonly RawAttributeResult[]): Buffer | undefined {
  const { ecParams } = fromResults(['ecParams'], results);
  const found = specifiesCurve(ecParams) ? ecParams : undefined;
  known.set(key.life, found ?? null);
  return found;
}

/** Returns the parameters of a key; undefined if the module does not return them. */
export async function ecParamsOf(key: ModelObject): Promise<Buffer | undefined> {
  const before = known.get(key.life);
  if (before !== undefined) return before ?? undefined;
  const types = [attributeType('ecParams')];
  return remember(key, await key.use().C_GetAttributeValue(key.session.name, key.handle, types));
}

/** Does the same as {@link ecParamsOf}, and blocks the calling thread. */
export function ecParamsOfSync(key: ModelObject): Buffer | undefined {
  const before = known.get(key.life);
  if (before !== undefined) return before ?? undefined;
  const types = [attributeType('ecParams')];
  return remember(key, key.use().C_GetAttributeValueSync(key.session.name, key.handle, types));
}
