/** Exports private and secret keys whose value may leave the token. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { CryptokiError, ownError } from '../../core/errors';
import { CKR } from '../../generated/constants';
import type { AttributeName } from '../attributes';
import { parameterSetWith } from '../mechanisms/parameter-sets';
import type { ModelKey } from '../model-types';
import { readable } from '../native-keys/reading';
import {
  ellipticPrivateKey,
  postQuantumPrivateKey,
  type RsaPrivateAttributes,
  rsaPrivateKey,
} from './private-key-info';

const RSA_NAMES = [
  ...(['modulus', 'publicExponent', 'privateExponent', 'prime1', 'prime2'] as const),
  ...(['exponent1', 'exponent2', 'coefficient'] as const),
];

const nameOf = (key: ModelKey): string => (key.label ? `the key "${key.label}"` : 'the key');

/**
 * Refuses a key whose value must not leave the token, before its value is read.
 * @throws CKR_KEY_UNEXTRACTABLE, CKR_ATTRIBUTE_SENSITIVE
 */
async function requireExportable(key: ModelKey): Promise<void> {
  const { extractable, sensitive } = await readable(key, 'extractable', 'sensitive');
  const refuse = (rv: number, detail: string): never => {
    throw new CryptokiError({ rv, function: 'C_GetAttributeValue', detail });
  };
  if (extractable === false) {
    refuse(CKR.KEY_UNEXTRACTABLE, `${nameOf(key)} has CKA_EXTRACTABLE = false; its value was not read`);
  }
  if (sensitive === true) {
    refuse(
      CKR.ATTRIBUTE_SENSITIVE,
      `${nameOf(key)} has CKA_SENSITIVE = true, so it can leave the token wrapped only; its value was not read`,
    );
  }
}

function notReadable(key: ModelKey, names: readonly string[]): CryptokiError {
  return ownError(
    'ERR_CRYPTOKI_UNSUPPORTED',
    `the module does not return the value of ${nameOf(key)} (${names.join(', ')}), although the key is extractable and not sensitive; wrap it instead`,
  );
}

/** Reads attributes that all must be readable. @throws ERR_CRYPTOKI_UNSUPPORTED */
async function required<Name extends AttributeName>(
  key: ModelKey,
  ...names: readonly Name[]
): Promise<Readonly<Record<Name, Buffer>>> {
  const read: Partial<Record<AttributeName, unknown>> = await readable(key, ...names);
  const missing = names.filter((name) => !Buffer.isBuffer(read[name]) || read[name].length === 0);
  if (missing.length > 0) throw notReadable(key, missing);
  return read as Readonly<Record<Name, Buffer>>;
}

async function postQuantum(key: ModelKey): Promise<KeyObject> {
  const { parameterSet, seed, value } = await readable(key, 'parameterSet', 'seed', 'value');
  const set = parameterSetWith(key.keyType, parameterSet);
  const [knownSeed, knownValue] = [seed, value].map((bytes) => (bytes?.length ? bytes : undefined));
  if (set === undefined || (knownSeed ?? knownValue) === undefined) {
    throw notReadable(key, ['parameterSet', 'seed', 'value']);
  }
  return postQuantumPrivateKey(set, knownValue, knownSeed);
}

async function privateKeyObject(key: ModelKey): Promise<KeyObject> {
  switch (key.keyType) {
    case 'RSA':
      return rsaPrivateKey((await required(key, ...RSA_NAMES)) satisfies RsaPrivateAttributes);
    case 'EC':
    case 'EC_EDWARDS':
    case 'EC_MONTGOMERY': {
      const { ecParams, value } = await required(key, 'ecParams', 'value');
      return ellipticPrivateKey(ecParams, value);
    }
    case 'ML_DSA':
    case 'ML_KEM':
    case 'SLH_DSA':
      return postQuantum(key);
    default:
      throw ownError(
        'ERR_CRYPTOKI_UNSUPPORTED',
        `a private key of type ${String(key.keyType)} cannot be a KeyObject of node:crypto`,
      );
  }
}

/** Exports a private key; see PrivateKey.exportKey. */
export async function exportPrivateKey(key: ModelKey): Promise<KeyObject> {
  await requireExportable(key);
  try {
    return await privateKeyObject(key);
  } catch (error) {
    if (error instanceof CryptokiError) throw error;
    // Errors of node:crypto can contain arguments, so their cause is left out.
    throw ownError(
      'ERR_CRYPTOKI_UNSUPPORTED',
      `the attributes of ${nameOf(key)} are not in a form that this version of node:crypto can read`,
    );
  }
}

/** Exports a secret key; see SecretKey.exportKey. */
export async function exportSecretKey(key: ModelKey): Promise<KeyObject> {
  await requireExportable(key);
  const { value } = await required(key, 'value');
  try {
    return createSecretKey(value);
  } finally {
    value.fill(0);
  }
}
