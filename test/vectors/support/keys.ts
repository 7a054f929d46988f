/** Creates keys with known values on a token. */
import type { KeyObject } from 'node:crypto';
import type { AttributeInputs, MechanismName, PrivateKey, PublicKey, SecretKey, Session } from 'cryptoki';
import { CKA, CKM } from 'cryptoki/raw';
import { base64url } from './bytes';
import type { Target } from './modules';

export type SecretKeyType = NonNullable<AttributeInputs['keyType']>;
export type Use = 'encrypt' | 'decrypt' | 'sign' | 'verify' | 'wrap' | 'unwrap' | 'derive';

const all = (uses: readonly Use[]): { [Name in Use]?: boolean } =>
  Object.fromEntries(uses.map((use) => [use, true]));

/** A secret key with a readable value. */
export async function secretKey(
  session: Session,
  keyType: SecretKeyType,
  value: Buffer,
  uses: readonly Use[],
): Promise<SecretKey> {
  const shown = { sensitive: false, extractable: true };
  const key = await session.createObject({ class: 'SECRET_KEY', keyType, value, ...shown, ...all(uses) });
  return key as SecretKey;
}

/** The number of a mechanism; vendor mechanisms are given as numbers. */
export function mechanismNumber(mechanism: MechanismName): number {
  return typeof mechanism === 'number' ? mechanism : CKM[mechanism as keyof typeof CKM];
}

/** Returns the value of a key as hexadecimal digits and destroys the key. */
export async function takeValue(session: Session, key: bigint): Promise<string> {
  const { raw } = session.token.slot.module;
  const [read] = await raw.C_GetAttributeValue(session.handle, key, [CKA.VALUE]);
  await raw.C_DestroyObject(session.handle, key);
  if (!Buffer.isBuffer(read?.value))
    throw new Error(`the key has no value that can be read: ${read?.reason}`);
  return read.value.toString('hex');
}

/** CKA_VALUE of the public key for a private one; undefined if the module has no mechanism for that. */
export async function publicValue(
  session: Session,
  target: Target,
  privateKey: bigint,
): Promise<Buffer | undefined> {
  const mechanism = target.description.publicFromPrivate;
  if (mechanism === undefined) return undefined;
  const key = await session.token.slot.module.raw.C_DeriveKey(session.handle, { mechanism }, privateKey, []);
  return Buffer.from(await takeValue(session, key), 'hex');
}

/** A DER element of less than 64 KiB. */
export function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const header = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...header]), content]);
}

/** Curves by the name that node:crypto has for them in a JWK. */
export const CURVES = {
  'P-256': { oid: '06082a8648ce3d030107', keyType: 'EC', raw: false },
  'P-384': { oid: '06052b81040022', keyType: 'EC', raw: false },
  'P-521': { oid: '06052b81040023', keyType: 'EC', raw: false },
  Ed25519: { oid: '06032b6570', keyType: 'EC_EDWARDS', raw: true },
  Ed448: { oid: '06032b6571', keyType: 'EC_EDWARDS', raw: true },
  X25519: { oid: '06032b656e', keyType: 'EC_MONTGOMERY', raw: true },
} as const;
export type CurveName = keyof typeof CURVES;

/** CKA_EC_POINT in the encoding of the module. */
export function ecPoint(target: Target, curve: CurveName, point: Buffer): Buffer {
  return CURVES[curve].raw && target.description.rawPoints ? point : der(4, point);
}

export async function ecPublicKey(
  session: Session,
  target: Target,
  curve: CurveName,
  point: Buffer,
): Promise<PublicKey> {
  const { oid, keyType } = CURVES[curve];
  const key = await session.createObject({
    class: 'PUBLIC_KEY',
    ...{ keyType, ecParams: Buffer.from(oid, 'hex'), ecPoint: ecPoint(target, curve, point) },
    ...{ private: false, verify: true },
  });
  return key as PublicKey;
}

/** @param point the public key, which some modules also require */
export async function ecPrivateKey(
  session: Session,
  target: Target,
  curve: CurveName,
  value: Buffer,
  point: Buffer,
  use: 'sign' | 'derive',
): Promise<PrivateKey> {
  const { oid, keyType } = CURVES[curve];
  // NSS requires an id for EC private keys, and the public key in CKA_EC_POINT for raw curves.
  const more = target.description.rawPoints ? { id: point.subarray(0, 20) } : {};
  const shown = target.description.rawPoints && CURVES[curve].raw ? { ecPoint: point } : {};
  const key = await session.createObject({
    class: 'PRIVATE_KEY',
    ...{ keyType, ecParams: Buffer.from(oid, 'hex'), value, sensitive: false, extractable: true },
    ...{ ...more, ...shown, [use]: true },
  });
  return key as PrivateKey;
}

/** The numbers of an RSA key as PKCS#11 names them. */
function rsaNumbers(key: KeyObject): Record<string, Buffer> {
  const jwk = key.export({ format: 'jwk' });
  const names = {
    ...{ n: 'modulus', e: 'publicExponent', d: 'privateExponent', p: 'prime1', q: 'prime2' },
    ...{ dp: 'exponent1', dq: 'exponent2', qi: 'coefficient' },
  };
  const known = Object.entries(names).filter(([name]) => jwk[name] !== undefined);
  return Object.fromEntries(known.map(([name, attribute]) => [attribute, base64url(String(jwk[name]))]));
}

export async function rsaPublicKey(
  session: Session,
  key: KeyObject,
  uses: readonly Use[],
): Promise<PublicKey> {
  const numbers = rsaNumbers(key);
  return (await session.createObject({
    ...{ class: 'PUBLIC_KEY', keyType: 'RSA', private: false },
    ...{ modulus: numbers.modulus, publicExponent: numbers.publicExponent },
    ...all(uses),
  })) as PublicKey;
}

export async function rsaPrivateKey(
  session: Session,
  key: KeyObject,
  uses: readonly Use[],
): Promise<PrivateKey> {
  return (await session.createObject({
    ...{ class: 'PRIVATE_KEY', keyType: 'RSA', id: Buffer.from('rsa') },
    ...rsaNumbers(key),
    ...all(uses),
  })) as PrivateKey;
}
