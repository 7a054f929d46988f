/** Reads a key from the forms that importKey accepts, with node:crypto, before any call of the module. */
import {
  createPrivateKey,
  createPublicKey,
  KeyObject,
  type PrivateKeyInput,
  type PublicKeyInput,
  X509Certificate,
} from 'node:crypto';
import { BitString, Integer, OctetString, Sequence } from 'asn1js';
import { wrongType, wrongValue } from '../../core/argument-errors';
import { isBytes, isPlainObject, viewOf } from '../../core/arguments';
import type { BytesLike } from '../../raw/values';
import { elementOf, membersOf } from '../objects/der';
import { unreadable } from './import-errors';
import { type JsonWebKeyObject, type ReadKey, readJsonWebKey } from './json-web-key';

/**
 * A key in one of the accepted forms: text is PEM (PKCS#8, SPKI, SEC 1, PKCS#1); bytes are PEM, DER in the same encodings, or the
 * value of a secret key; an object is a JSON web key (EC, RSA, OKP, oct, AKP) or a KeyObject.
 */
export type KeyInput = string | BytesLike | KeyObject | JsonWebKeyObject;

/** Options that decide how a key is read. */
export interface ReadingOptions {
  /** The passphrase of an encrypted PKCS#8 or PEM key. */
  readonly passphrase?: string | BytesLike | undefined;
  /** True if bytes are the value of a secret key. */
  readonly isSecret: boolean;
  /** True if the public key is wanted: of a private key its public half, of a certificate its key. */
  readonly wantsPublic: boolean;
}

const ACCEPTED = 'PEM, DER, a JSON web key or a KeyObject';

/** The passphrase in a form of node:crypto; undefined if none was given. */
function passphraseOf({ passphrase }: ReadingOptions): string | Buffer | undefined {
  if (passphrase === undefined || typeof passphrase === 'string') return passphrase;
  if (isBytes(passphrase)) return Buffer.from(viewOf(passphrase));
  throw wrongType('passphrase', 'a string or bytes', passphrase);
}

function readPrivate(input: PrivateKeyInput, isEncrypted: boolean, options: ReadingOptions): ReadKey {
  const passphrase = passphraseOf(options);
  if (isEncrypted && passphrase === undefined) {
    throw wrongValue('the key is encrypted: give its passphrase, as { passphrase }');
  }
  try {
    const key = createPrivateKey(passphrase === undefined ? input : { ...input, passphrase });
    return asWanted(key, options);
  } catch (error) {
    const reason = isEncrypted
      ? 'the passphrase is wrong, or the encrypted key is damaged or of an unsupported type'
      : 'the private key is damaged, or of a type that this version of Node does not support';
    throw unreadable(reason, error);
  }
}

function readPublic(input: PublicKeyInput): ReadKey {
  try {
    return { type: 'public', key: createPublicKey(input) };
  } catch (error) {
    throw unreadable(
      'the public key is damaged, or of a type that this version of Node does not support',
      error,
    );
  }
}

function asWanted(key: KeyObject, { wantsPublic }: ReadingOptions): ReadKey {
  return wantsPublic ? { type: 'public', key: createPublicKey(key) } : { type: 'private', key };
}

function readCertificate(certificate: string | Buffer, { wantsPublic }: ReadingOptions): ReadKey {
  if (!wantsPublic) {
    throw wrongValue(
      "this is a certificate: import it with importCertificate(), or its public key with { class: 'PUBLIC_KEY' }",
    );
  }
  try {
    return { type: 'public', key: new X509Certificate(certificate).publicKey };
  } catch (error) {
    throw unreadable('the certificate is damaged, or its key is of an unsupported type', error);
  }
}

/** Returns the only block of PEM with one of these labels; undefined if there is none. */
function blockOf(text: string, label: RegExp): { readonly label: string; readonly pem: string } | undefined {
  const blocks = [...text.matchAll(/-----BEGIN ([^-]+)-----(?:(?!-----)[\s\S])*-----END \1-----/g)]
    .map(([pem, name = '']) => ({ label: name, pem }))
    .filter((block) => label.test(block.label));
  if (blocks.length > 1) {
    throw wrongValue(`the PEM text has ${blocks.length} blocks "${blocks[0]?.label}": give one of them`);
  }
  return blocks[0];
}

function readPem(text: string, options: ReadingOptions): ReadKey {
  const privateBlock = blockOf(text, /PRIVATE KEY$/);
  if (privateBlock?.label === 'OPENSSH PRIVATE KEY') {
    throw wrongValue(
      'the key has the form of OpenSSH, which node:crypto does not read: convert it with ssh-keygen -p -m PKCS8',
    );
  }
  if (privateBlock !== undefined) {
    const { label, pem } = privateBlock;
    const isEncrypted = label.startsWith('ENCRYPTED') || pem.includes('Proc-Type: 4,ENCRYPTED');
    return readPrivate({ key: pem, format: 'pem' }, isEncrypted, options);
  }
  const publicBlock = blockOf(text, /PUBLIC KEY$/);
  if (publicBlock !== undefined) return readPublic({ key: publicBlock.pem, format: 'pem' });
  const certificate = blockOf(text, /CERTIFICATE$/);
  if (certificate !== undefined) return readCertificate(certificate.pem, options);
  throw wrongValue(
    'the text is not PEM with a key (no "-----BEGIN ... KEY-----" with its end): give DER as bytes, and a JSON web key as an object',
  );
}

/** Finds the encoding of a key in DER by the first members of its SEQUENCE. */
function encodingOfDer(der: Buffer): string | undefined {
  const members = membersOf(elementOf(der));
  const [first, second, third] = members;
  if (first instanceof Integer) {
    if (second instanceof Sequence) return 'pkcs8';
    if (second instanceof OctetString) return 'sec1';
    if (second instanceof Integer) return members.length === 2 ? 'pkcs1 public' : 'pkcs1';
  }
  if (first instanceof Sequence) {
    if (second instanceof BitString) return 'spki';
    if (second instanceof OctetString) return 'encrypted';
    if (third instanceof BitString) return 'certificate';
  }
  return undefined;
}

function readDer(der: Buffer, options: ReadingOptions): ReadKey {
  const encoding = encodingOfDer(der);
  switch (encoding) {
    case 'pkcs8':
    case 'sec1':
    case 'pkcs1':
      return readPrivate({ key: der, format: 'der', type: encoding }, false, options);
    case 'encrypted':
      return readPrivate({ key: der, format: 'der', type: 'pkcs8' }, true, options);
    case 'spki':
      return readPublic({ key: der, format: 'der', type: 'spki' });
    case 'pkcs1 public':
      return readPublic({ key: der, format: 'der', type: 'pkcs1' });
    case 'certificate':
      return readCertificate(der, options);
    default:
      throw wrongValue(
        "the bytes are not a key in PEM or DER (PKCS#8, SPKI, SEC 1, PKCS#1); for the value of a secret key give keyType, such as 'AES'",
      );
  }
}

function readKeyObject(key: KeyObject, options: ReadingOptions): ReadKey {
  switch (key.type) {
    case 'secret':
      return { type: 'secret', value: key.export() };
    case 'private':
      return asWanted(key, options);
    default:
      return { type: 'public', key };
  }
}

/**
 * Reads a key.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE; ERR_CRYPTOKI_UNSUPPORTED
 */
export function readKey(input: KeyInput, options: ReadingOptions): ReadKey {
  if (typeof input === 'string') return readPem(input, options);
  if (input instanceof KeyObject) return readKeyObject(input, options);
  if (isBytes(input)) {
    const bytes = Buffer.from(viewOf(input));
    if (options.isSecret) return { type: 'secret', value: bytes };
    return bytes.includes('-----BEGIN ')
      ? readPem(bytes.toString('latin1'), options)
      : readDer(bytes, options);
  }
  if (!isPlainObject(input)) throw wrongType('the key', ACCEPTED, input);
  const read = readJsonWebKey(input as JsonWebKeyObject);
  return read.type === 'private' ? { ...asWanted(read.key, options), usage: read.usage } : read;
}
