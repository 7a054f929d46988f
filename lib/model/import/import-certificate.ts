/** Imports X.509 certificates with C_CreateObject. */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { wrongValue } from '../../core/argument-errors';
import { bytesOf, requireBoolean, requireOptions, requireString } from '../../core/arguments';
import { CryptokiError } from '../../core/errors';
import { requirePlain } from '../../core/selection';
import type { BytesLike } from '../../raw/values';
import { type Attributes, toTemplate } from '../attributes';
import { useForWriting } from '../login/session-access';
import type { ModelSession } from '../model-types';
import { findable } from '../native-keys/reading';
import { bytesIn, elementOf } from '../objects/der';
import type { GeneratedKey } from '../objects/generate-keys';
import { isKeyOf } from '../objects/key-comparison';
import { type CertificateInput, certificateAttributes, readCertificates } from './certificate-input';
import { keyIdOf, publicValue } from './key-attributes';
import { createWith } from './new-object';

/** The options of Session.importCertificate. */
export interface ImportCertificateOptions {
  /** CKA_LABEL */
  readonly label?: string | undefined;
  /**
   * CKA_ID. Default: that of the key on the token with the same public key; without one, the id that importKey gives to that key:
   * the SHA-1 of the public key (RFC 5280, method 1).
   */
  readonly id?: BytesLike | undefined;
  /** CKA_TOKEN: true keeps the certificate on the token, false (the default) until the session closes. */
  readonly token?: boolean | undefined;
  /** CKA_PRIVATE: true hides the certificate until the user has logged in; default false. */
  readonly private?: boolean | undefined;
  /** More attributes; they replace those of the other options. */
  readonly attributes?: Attributes | undefined;
}

const OPTIONS = ['label', 'id', 'token', 'private', 'attributes'] as const;

/** A certificate whose value and options were checked. */
export interface PreparedCertificate {
  readonly certificate: X509Certificate;
  /** Undefined if node:crypto does not support the key. */
  readonly publicKey: KeyObject | undefined;
  readonly template: Attributes;
}

function publicKeyOf(certificate: X509Certificate): KeyObject | undefined {
  try {
    return certificate.publicKey;
  } catch {
    return undefined; // an algorithm that this OpenSSL does not have
  }
}

function checkOptions(options: ImportCertificateOptions, method: string): void {
  requireOptions(options, `the options of ${method}`, OPTIONS);
  const { label, id, attributes } = options;
  if (label !== undefined) requireString(label, 'label');
  if (id !== undefined) bytesOf(id, 'id');
  for (const name of ['token', 'private'] as const) {
    if (options[name] !== undefined) requireBoolean(options[name], name);
  }
  if (attributes !== undefined) requirePlain(attributes, `attributes in the options of ${method}`);
  toTemplate(attributes ?? {}); // refuses unknown names
}

function prepare(certificate: X509Certificate, options: ImportCertificateOptions): PreparedCertificate {
  const { label, id, token = false, private: isPrivate = false, attributes } = options;
  return {
    certificate,
    publicKey: publicKeyOf(certificate),
    template: {
      class: 'CERTIFICATE',
      certificateType: 'X_509',
      ...certificateAttributes(certificate),
      label,
      ...(id === undefined ? {} : { id: Buffer.from(bytesOf(id, 'id')) }),
      token,
      private: isPrivate,
      ...attributes,
    },
  };
}

/**
 * Reads and checks one certificate and the options of its import, without a call.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function prepareCertificate(
  input: CertificateInput,
  options: ImportCertificateOptions,
): PreparedCertificate {
  checkOptions(options, 'importCertificate');
  const [certificate, ...others] = readCertificates(input);
  if (certificate === undefined || others.length > 0) {
    throw wrongValue(
      `the PEM text has ${others.length + 1} certificates: import all with importCertificates(), or give one of them`,
    );
  }
  return prepare(certificate, options);
}

/**
 * Reads and checks several certificates, without a call. Label and id are those of the first.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function prepareCertificates(
  input: CertificateInput | readonly CertificateInput[],
  options: ImportCertificateOptions,
): readonly PreparedCertificate[] {
  checkOptions(options, 'importCertificates');
  const inputs = Array.isArray(input) ? (input as readonly CertificateInput[]) : [input as CertificateInput];
  const certificates = inputs.flatMap(readCertificates);
  if (certificates.length === 0) throw wrongValue('the array must have at least one certificate');
  const rest = { ...options, label: undefined, id: undefined };
  return certificates.map((certificate, index) => prepare(certificate, index === 0 ? options : rest));
}

/** Returns CKA_ID of the key with this public key on the token; undefined if there is none. Private keys come first. */
async function idOnToken(session: ModelSession, publicKey: KeyObject): Promise<Buffer | undefined> {
  const { modulus, ecPoint, value } = publicValue(publicKey).attributes;
  const publicKeyInfo = publicKey.export({ type: 'spki', format: 'der' });
  const points = ecPoint === undefined ? [] : [ecPoint as Buffer, bytesIn(elementOf(ecPoint as Buffer))];
  const criteria: readonly Attributes[] = [
    ...(modulus === undefined ? [] : [{ class: 'PRIVATE_KEY', modulus } as const]),
    ...(modulus === undefined ? [] : [{ class: 'PUBLIC_KEY', modulus } as const]),
    { class: 'PRIVATE_KEY', publicKeyInfo },
    ...points.map((point) => ({ class: 'PUBLIC_KEY', ecPoint: point }) as const),
    ...(value === undefined ? [] : [{ class: 'PUBLIC_KEY', value } as const]),
  ];
  for (const attributes of criteria) {
    for (const object of await findable(session, attributes)) {
      if (object.id?.length && (await isKeyOf(object, publicKey))) return object.id;
    }
  }
  return undefined;
}

async function withId(session: ModelSession, prepared: PreparedCertificate): Promise<Attributes> {
  const { template, publicKey } = prepared;
  if (template.id !== undefined || publicKey === undefined) return template;
  try {
    return { ...template, id: (await idOnToken(session, publicKey)) ?? keyIdOf(publicKey) };
  } catch (error) {
    // A key of a type that cannot be imported, such as DSA, has no id to find.
    if (error instanceof CryptokiError && error.code === 'ERR_CRYPTOKI_UNSUPPORTED') {
      return { ...template, id: keyIdOf(publicKey) };
    }
    throw error;
  }
}

/** Imports one certificate with C_CreateObject; see Session.importCertificate. */
export async function importCertificate(
  session: ModelSession,
  prepared: PreparedCertificate,
): Promise<GeneratedKey> {
  const { token = false, private: isPrivate } = prepared.template;
  useForWriting(session, 'create', { token, private: isPrivate });
  return createWith(session, [{ template: await withId(session, prepared) }]);
}

/** Imports certificates; see Session.importCertificates. After an error it destroys those that it has created. */
export async function importCertificates(
  session: ModelSession,
  prepared: readonly PreparedCertificate[],
): Promise<readonly GeneratedKey[]> {
  const created: GeneratedKey[] = [];
  try {
    for (const each of prepared) created.push(await importCertificate(session, each));
    return created;
  } catch (error) {
    const raw = session.token.slot.module.closed ? undefined : session.token.slot.module.raw;
    for (const { handle } of created) await raw?.C_DestroyObject(session.name, handle).catch(() => {});
    throw error;
  }
}
