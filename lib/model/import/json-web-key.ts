/** Reads JSON web keys (RFC 7517, RFC 7518, RFC 8037; AKP for post-quantum keys). */
import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { unknownName, wrongType, wrongValue } from '../../core/argument-errors';
import { unreadable, unsupported } from './import-errors';
import type { ImportUsage } from './key-usages';

/** A JSON web key. The members use, ext and kid are not read: give usage, extractable and label as options. */
export type JsonWebKeyObject = Readonly<JsonWebKey>;

/** A key that was read. `algorithm` and `usage` are those of a JSON web key (alg, key_ops). */
export type ReadKey =
  | {
      readonly type: 'secret';
      readonly value: Buffer;
      readonly algorithm?: string | undefined;
      readonly usage?: readonly ImportUsage[] | undefined;
    }
  | {
      readonly type: 'private' | 'public';
      readonly key: KeyObject;
      readonly usage?: readonly ImportUsage[] | undefined;
    };

const KEY_MEMBERS = ['crv', 'x', 'y', 'd', 'n', 'e', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'pub', 'priv', 'alg'];
const CURVES: Readonly<Record<string, readonly string[]>> = {
  EC: ['P-256', 'P-384', 'P-521', 'secp256k1'],
  OKP: ['Ed25519', 'Ed448', 'X25519', 'X448'],
};
const TYPES = ['EC', 'RSA', 'OKP', 'oct', 'AKP'];

/** The first major version of Node with post-quantum keys. */
const FIRST_NODE_WITH_AKP = 24;

/** Usages by the names of key_ops (RFC 7517, section 4.3). */
const OPERATIONS: Readonly<Record<string, ImportUsage>> = {
  ...({ sign: 'sign', verify: 'verify', encrypt: 'encrypt', decrypt: 'decrypt' } as const),
  ...({ wrapKey: 'wrap', unwrapKey: 'unwrap', deriveKey: 'derive', deriveBits: 'derive' } as const),
  ...({ encapsulateKey: 'encapsulate', encapsulateBits: 'encapsulate' } as const),
  ...({ decapsulateKey: 'decapsulate', decapsulateBits: 'decapsulate' } as const),
};

/** Returns the usages of key_ops; undefined if it is missing or has none that PKCS#11 has. */
function usageOf({ key_ops: operations }: JsonWebKeyObject): readonly ImportUsage[] | undefined {
  if (operations === undefined) return undefined;
  if (!Array.isArray(operations)) {
    throw wrongType('key_ops of the JSON web key', 'an array of names', operations);
  }
  const usages = operations.flatMap((name: unknown) =>
    typeof name === 'string' && Object.hasOwn(OPERATIONS, name) ? (OPERATIONS[name] as ImportUsage) : [],
  );
  return usages.length === 0 ? undefined : usages;
}

function secretOf({ k, alg }: JsonWebKeyObject): ReadKey {
  if (k === undefined || !/^[\w-]*$/.test(k)) {
    throw wrongValue('k of the JSON web key must be the value of the key in base64url');
  }
  return { type: 'secret', value: Buffer.from(k, 'base64url'), algorithm: alg as string | undefined };
}

/** @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE; ERR_CRYPTOKI_UNSUPPORTED */
export function readJsonWebKey(jwk: JsonWebKeyObject): ReadKey {
  const { kty, crv } = jwk;
  if (kty === undefined || !TYPES.includes(kty)) {
    throw unknownName('kty', kty, TYPES, { place: ' of the JSON web key' });
  }
  for (const name of KEY_MEMBERS) {
    const member = jwk[name];
    if (member !== undefined && typeof member !== 'string') {
      throw wrongType(`${name} of the JSON web key`, 'a string', member);
    }
  }
  const usage = usageOf(jwk);
  if (kty === 'oct') return { ...secretOf(jwk), usage };
  const curves = CURVES[kty];
  if (curves !== undefined && !curves.includes(String(crv))) {
    throw unknownName('curve', crv, curves, {
      place: ` of the JSON web key of type ${kty}`,
      help: 'Give keys on other curves as PEM or DER',
    });
  }
  const isPrivate = jwk.d !== undefined || jwk.priv !== undefined;
  const key = isPrivate ? parse(jwk, createPrivateKey) : parse(jwk, createPublicKey);
  // Node ignores x of an OKP key that has d.
  if (isPrivate && kty === 'OKP' && key.export({ format: 'jwk' }).x !== jwk.x) {
    throw wrongValue('x and d of the JSON web key do not belong to one key');
  }
  return { type: isPrivate ? 'private' : 'public', key, usage };
}

function parse(
  jwk: JsonWebKeyObject,
  create: (input: { readonly key: JsonWebKey; readonly format: 'jwk' }) => KeyObject,
): KeyObject {
  try {
    return create({ key: { ...jwk }, format: 'jwk' });
  } catch (error) {
    if (jwk.kty === 'AKP' && Number.parseInt(process.versions.node, 10) < FIRST_NODE_WITH_AKP) {
      throw unsupported('this version of Node has no post-quantum keys: use Node 24.7 or later');
    }
    throw unreadable('the JSON web key is damaged: a member is missing or has a wrong value', error);
  }
}
