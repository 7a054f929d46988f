/** Formats of public keys: PEM, DER, JSON web key, OpenSSH, raw bytes. */
import type { JsonWebKey, KeyObject } from 'node:crypto';
import { unknownName } from '../../core/argument-errors';
import { ownError } from '../../core/errors';
import { bytesIn, elementOf, membersOf } from '../objects/der';

/** The type of a public key in each format. */
export interface PublicKeyFormats {
  /** SubjectPublicKeyInfo in PEM. */
  readonly pem: string;
  /** SubjectPublicKeyInfo in DER (CKA_PUBLIC_KEY_INFO). */
  readonly der: Buffer;
  readonly jwk: JsonWebKey;
  /** A line for authorized_keys of OpenSSH, with the label as its comment. */
  readonly ssh: string;
  /** The uncompressed point, or the bytes of an Ed25519, Ed448, X25519, X448, ML-DSA, ML-KEM or SLH-DSA key. */
  readonly raw: Buffer;
}

/** A format of public keys. */
export type PublicKeyFormat = keyof PublicKeyFormats;

const FORMATS: readonly PublicKeyFormat[] = ['pem', 'der', 'jwk', 'ssh', 'raw'];

/** Names of curves in OpenSSH (RFC 5656) by their names in OpenSSL. */
const SSH_CURVES: Readonly<Record<string, string>> = {
  prime256v1: 'nistp256',
  secp384r1: 'nistp384',
  secp521r1: 'nistp521',
};

const without = (key: KeyObject, format: string, hint: string): Error =>
  ownError('ERR_CRYPTOKI_UNSUPPORTED', `a key of type ${nameOf(key)} has no ${format} format; ${hint}`);

function nameOf(key: KeyObject): string {
  const { namedCurve } = key.asymmetricKeyDetails ?? {};
  return namedCurve === undefined ? String(key.asymmetricKeyType) : `ec (${namedCurve})`;
}

function raw(key: KeyObject): Buffer {
  if (key.asymmetricKeyType === 'rsa') throw without(key, 'raw', 'use der');
  const [, bits] = membersOf(elementOf(key.export({ type: 'spki', format: 'der' })));
  return bytesIn(bits) ?? Buffer.alloc(0);
}

/** A string of the SSH protocol: its length in four bytes, and its bytes (RFC 4251, section 5). */
function sshString(bytes: Buffer | string): Buffer {
  const content = Buffer.from(bytes as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}

/** A positive number of the SSH protocol: with a zero before a first bit that is set. */
function sshNumber(base64url: string | undefined): Buffer {
  const bytes = Buffer.from(base64url ?? '', 'base64url');
  return sshString((bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
}

/** Returns the name of the algorithm and the parts that follow it (RFC 4253, section 6.6; RFC 5656; RFC 8709). */
function sshParts(key: KeyObject): readonly [string, ...Buffer[]] {
  const type = key.asymmetricKeyType;
  if (type === 'rsa') {
    const { n, e } = key.export({ format: 'jwk' });
    return ['ssh-rsa', sshNumber(e), sshNumber(n)];
  }
  if (type === 'ed25519' || type === 'ed448') return [`ssh-${type}`, sshString(raw(key))];
  const curve = SSH_CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (curve === undefined) {
    throw without(key, 'ssh', 'OpenSSH knows RSA, P-256, P-384, P-521, Ed25519 and Ed448');
  }
  return [`ecdsa-sha2-${curve}`, sshString(curve), sshString(raw(key))];
}

function ssh(key: KeyObject, comment: string): string {
  const [name, ...parts] = sshParts(key);
  const blob = Buffer.concat([sshString(name), ...parts]).toString('base64');
  const text = comment.replace(/\p{Cc}+/gu, ' ').trim(); // a line break would begin another entry
  return [name, blob, ...(text === '' ? [] : [text])].join(' ');
}

function jwk(key: KeyObject): JsonWebKey {
  try {
    return key.export({ format: 'jwk' });
  } catch {
    throw without(key, 'jwk', 'use pem or der');
  }
}

/** @throws TypeError ERR_INVALID_ARG_VALUE */
export function checkPublicKeyFormat(format: PublicKeyFormat): void {
  if (!FORMATS.includes(format)) throw unknownName('format', format, FORMATS, { place: ' of a public key' });
}

/**
 * Converts a public key to a format.
 * @param comment the comment of the format ssh
 * @throws TypeError ERR_INVALID_ARG_VALUE; ERR_CRYPTOKI_UNSUPPORTED for a key without this format
 */
export function exportPublicKey<Format extends PublicKeyFormat>(
  key: KeyObject,
  format: Format,
  comment: string,
): PublicKeyFormats[Format] {
  checkPublicKeyFormat(format);
  const writers: { readonly [Name in PublicKeyFormat]: () => PublicKeyFormats[Name] } = {
    pem: () => key.export({ type: 'spki', format: 'pem' }).toString(),
    der: () => key.export({ type: 'spki', format: 'der' }),
    jwk: () => jwk(key),
    ssh: () => ssh(key, comment),
    raw: () => raw(key),
  };
  return writers[format]();
}
