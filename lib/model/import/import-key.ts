/** Imports keys with C_CreateObject. */
import { type KeyObject, randomBytes } from 'node:crypto';
import { unknownName, wrongValue } from '../../core/argument-errors';
import { bytesOf, requireBoolean, requireOptions, requireString } from '../../core/arguments';
import { constantName, constantValue } from '../../core/constant-names';
import { CryptokiError } from '../../core/errors';
import { requirePlain } from '../../core/selection';
import { CKM } from '../../generated/constants';
import type { BytesLike } from '../../raw/values';
import { type AttributeName, type Attributes, attributeType, fromResults, toTemplate } from '../attributes';
import { useForWriting } from '../login/session-access';
import type { ModelSession } from '../model-types';
import { bytesIn, elementOf } from '../objects/der';
import type { GeneratedKey } from '../objects/generate-keys';
import type { KeyType } from '../objects/identity';
import { unsupported } from './import-errors';
import type { ReadKey } from './json-web-key';
import { keyIdOf, privateValue, publicHalfOf, publicValue } from './key-attributes';
import { type KeyInput, readKey } from './key-input';
import { type ImportedClass, type ImportUsage, usagesOf } from './key-usages';
import { createWith, type TemplateOffer } from './new-object';
import { checkSecret, isSecretType, secretTypeOf } from './secret-types';

/** The options of Session.importKey. */
export interface ImportKeyOptions<Class extends ImportedClass = ImportedClass> {
  /**
   * The class that the key must have; a key of another class is refused. With 'PUBLIC_KEY' the public half of a private key, or
   * the key of a certificate, is imported. Default: the class of the key.
   */
  readonly class?: Class | undefined;
  /**
   * CKA_KEY_TYPE that the key must have. Required for a secret key: 'AES', 'GENERIC_SECRET' (for HMAC) ..., unless it is a JSON web
   * key with `alg`. Bytes are the value of a secret key if this is the type of one.
   */
  readonly keyType?: KeyType | undefined;
  /** The passphrase of an encrypted PKCS#8 or PEM key. */
  readonly passphrase?: string | BytesLike | undefined;
  /** CKA_LABEL */
  readonly label?: string | undefined;
  /**
   * CKA_ID. Default: the SHA-1 of the public key (the key identifier of RFC 5280, method 1), so that halves and certificates that
   * are imported separately can be found from each other; for a secret key 20 random bytes.
   */
  readonly id?: BytesLike | undefined;
  /** CKA_TOKEN: true keeps the key on the token, false (the default) until the session closes. */
  readonly token?: boolean | undefined;
  /** CKA_PRIVATE; default true, for a public key false. */
  readonly private?: boolean | undefined;
  /** CKA_EXTRACTABLE of a private or secret key; default false. */
  readonly extractable?: boolean | undefined;
  /** CKA_SENSITIVE of a private or secret key; default true. */
  readonly sensitive?: boolean | undefined;
  /**
   * The only usages that the key gets; all others are false. Default: key_ops of a JSON web key; otherwise 'sign' for RSA, EC, EC_EDWARDS, ML_DSA, SLH_DSA,
   * GENERIC_SECRET and HMAC keys, 'derive' for EC_MONTGOMERY and HKDF keys, 'decapsulate' for ML_KEM, 'encrypt' for other secret keys.
   */
  readonly usage?: readonly ImportUsage[] | undefined;
  /** More attributes; they replace those of the other options. */
  readonly attributes?: Attributes | undefined;
}

const OPTIONS = [
  ...['class', 'keyType', 'passphrase', 'label', 'id', 'token', 'private'],
  ...['extractable', 'sensitive', 'usage', 'attributes'],
];
const CLASSES: readonly ImportedClass[] = ['PRIVATE_KEY', 'PUBLIC_KEY', 'SECRET_KEY'];
const NOUNS = { private: 'PRIVATE_KEY', public: 'PUBLIC_KEY', secret: 'SECRET_KEY' } as const;

/** A key whose value and options were checked. It is imported with {@link importKey}, and then wiped. */
export interface PreparedKey {
  readonly class: ImportedClass;
  readonly keyType: KeyType;
  /** The attributes with the value. */
  readonly value: Attributes;
  readonly publicKey: KeyObject | undefined;
  /** Label, id and the attributes of the options. */
  readonly common: Attributes;
  /** The usages, each true. */
  readonly granted: Attributes;
  /** All other usages, each false. */
  readonly denied: Attributes;
  /** More attributes of the options. */
  readonly more: Attributes;
}

function checkOptions(options: ImportKeyOptions): void {
  requireOptions(options, 'the options of importKey', OPTIONS);
  const { class: keyClass, keyType, label, attributes } = options;
  if (keyClass !== undefined && !CLASSES.includes(keyClass)) {
    throw unknownName('class', keyClass, CLASSES, { place: ' of a key' });
  }
  if (keyType !== undefined) constantValue('CKK', keyType);
  if (label !== undefined) requireString(label, 'label');
  if (options.id !== undefined) bytesOf(options.id, 'id');
  for (const name of ['token', 'private', 'extractable', 'sensitive'] as const) {
    if (options[name] !== undefined) requireBoolean(options[name], name);
  }
  if (attributes !== undefined) requirePlain(attributes, 'attributes in the options of importKey');
}

interface Parts {
  readonly keyType: KeyType;
  readonly attributes: Attributes;
  readonly publicKey: KeyObject | undefined;
}

function partsOf(read: ReadKey, keyType: KeyType | undefined): Parts {
  if (read.type === 'secret') {
    const type = secretTypeOf(keyType, read.algorithm);
    checkSecret(type, read.value, read.algorithm);
    return { keyType: type, attributes: { value: read.value }, publicKey: undefined };
  }
  if (read.type === 'public') return { ...publicValue(read.key), publicKey: read.key };
  const publicKey = publicHalfOf(read.key);
  try {
    return { ...privateValue(read.key, publicKey), publicKey };
  } catch (error) {
    if (error instanceof CryptokiError) throw error;
    throw unsupported('the private KeyObject cannot be exported, because its key is in a token');
  }
}

/** Types that Edwards and Montgomery keys have in modules that know only one of them. */
const isType = (wanted: KeyType | undefined, keyType: KeyType): boolean =>
  wanted === undefined || wanted === keyType || (wanted === 'EC_EDWARDS' && keyType === 'EC_MONTGOMERY');

/**
 * Reads and checks a key and the options of its import, without a call.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE; ERR_CRYPTOKI_UNSUPPORTED
 */
export function prepareKey(input: KeyInput, options: ImportKeyOptions): PreparedKey {
  checkOptions(options);
  const { passphrase, class: wantedClass } = options;
  const { keyType: named } = options;
  const wanted = named === undefined ? undefined : constantName('CKK', Number(constantValue('CKK', named)));
  const read = readKey(input, {
    passphrase,
    isSecret: wantedClass === 'SECRET_KEY' || (wanted !== undefined && isSecretType(wanted)),
    wantsPublic: wantedClass === 'PUBLIC_KEY',
  });
  const keyClass = NOUNS[read.type];
  if (wantedClass !== undefined && wantedClass !== keyClass) {
    throw wrongValue(`the key is a ${read.type} key, and the class ${wantedClass} was asked for`);
  }
  const { keyType, attributes, publicKey } = partsOf(read, wanted);
  if (!isType(wanted, keyType)) {
    throw wrongValue(`the key has the type ${keyType}, and the type ${String(wanted)} was asked for`);
  }
  if (keyClass === 'PUBLIC_KEY' && (options.extractable ?? options.sensitive) !== undefined) {
    throw wrongValue('extractable and sensitive must not be given for a public key');
  }
  const { label, token = false, extractable = false, sensitive = true } = options;
  const isPublic = keyClass === 'PUBLIC_KEY';
  const prepared: PreparedKey = {
    class: keyClass,
    keyType: wanted ?? keyType,
    value: attributes,
    publicKey,
    common: {
      label,
      id:
        options.id === undefined
          ? publicKey === undefined
            ? randomBytes(20)
            : keyIdOf(publicKey)
          : Buffer.from(bytesOf(options.id, 'id')),
      token,
      private: options.private ?? !isPublic,
      ...(isPublic ? {} : { sensitive, extractable }),
    },
    ...usagesOf(keyClass, keyType, options.usage ?? read.usage),
    more: options.attributes ?? {},
  };
  toTemplate(prepared.more); // refuses unknown names
  return prepared;
}

/** Overwrites the value of a private or secret key. */
export function wipeKey({ class: keyClass, value }: PreparedKey): void {
  if (keyClass === 'PUBLIC_KEY') return;
  for (const bytes of Object.values(value)) if (Buffer.isBuffer(bytes)) bytes.fill(0);
}

/** Returns the attributes without some; those that are undefined are not in a template. */
function without(attributes: Attributes, ...names: readonly AttributeName[]): Attributes {
  return { ...attributes, ...Object.fromEntries(names.map((name) => [name, undefined])) };
}

/**
 * Returns the templates for a key, the most complete first. A module that refuses one gets the next: some know no
 * CKA_PUBLIC_KEY_INFO or no CKA_SIGN_RECOVER, some want the point of a private key, some want a point that is not an OCTET STRING
 * (NSS: Edwards and Montgomery curves), some refuse usages that are false (tpm2-pkcs11), and some know the seed or the expanded
 * form of a post-quantum key only.
 */
function templatesOf(key: PreparedKey, keyType: KeyType): readonly TemplateOffer[] {
  const base = { class: key.class, keyType, ...key.common, ...key.value, ...key.granted };
  const strict = { ...base, ...key.denied };
  const fewer = { ...base, ...without(key.denied, 'signRecover', 'verifyRecover') };
  const { publicKey } = key;
  const offer = (template: Attributes, completes = false): TemplateOffer => ({
    template: { ...template, ...key.more },
    completes,
  });
  if (publicKey === undefined) return [offer(strict), offer(base)];
  const { ecPoint } = publicValue(publicKey).attributes;
  if (key.class === 'PRIVATE_KEY') {
    const publicKeyInfo = publicKey.export({ type: 'spki', format: 'der' });
    const { seed, value } = key.value;
    const hasBoth = seed !== undefined && value !== undefined;
    return [
      offer({ ...strict, publicKeyInfo }),
      offer(strict),
      offer(fewer),
      ...(ecPoint === undefined
        ? []
        : [offer({ ...strict, ecPoint }, true), offer({ ...base, ecPoint }, true)]),
      offer(base),
      ...(hasBoth ? [without(strict, 'seed'), without(strict, 'value')].map((one) => offer(one)) : []),
      ...(hasBoth ? [without(base, 'seed'), without(base, 'value')].map((one) => offer(one)) : []),
    ];
  }
  const bare = ecPoint === undefined ? undefined : bytesIn(elementOf(ecPoint as Buffer));
  return [strict, fewer, base].flatMap((template) =>
    bare === undefined ? [offer(template)] : [offer(template), offer({ ...template, ecPoint: bare })],
  );
}

/** Returns the type of a key in the token: SoftHSM2 has Montgomery keys as CKK_EC_EDWARDS. */
async function typeInToken(session: ModelSession, keyType: KeyType): Promise<KeyType> {
  if (keyType !== 'EC_MONTGOMERY') return keyType;
  const mechanisms = await session.token.mechanismSet();
  const isEdwards =
    !mechanisms.has(CKM.EC_MONTGOMERY_KEY_PAIR_GEN) && mechanisms.has(CKM.EC_EDWARDS_KEY_PAIR_GEN);
  return isEdwards ? 'EC_EDWARDS' : keyType;
}

/** Imports a key with C_CreateObject; see Session.importKey. */
export async function importKey(session: ModelSession, key: PreparedKey): Promise<GeneratedKey> {
  const { token = false, private: isPrivate } = { ...key.common, ...key.more };
  useForWriting(session, 'create', { token, private: isPrivate });
  const keyType = await typeInToken(session, key.keyType);
  const created = await createWith(session, templatesOf(key, keyType));
  await refuseOtherUsages(session, key, created);
  return created;
}

/**
 * Destroys a key again to which the token has given usages that were not asked for, after it has refused a template that denies
 * them.
 * @throws ERR_CRYPTOKI_UNSUPPORTED
 */
async function refuseOtherUsages(
  session: ModelSession,
  key: PreparedKey,
  { handle, requested }: GeneratedKey,
): Promise<void> {
  const open = (Object.keys(key.denied) as AttributeName[]).filter(
    (name) => requested[name] === undefined && !Object.hasOwn(key.more, name),
  );
  if (open.length === 0) return;
  const raw = session.use();
  const read = await raw.C_GetAttributeValue(session.name, handle, open.map(attributeType));
  const values: Readonly<Record<string, unknown>> = fromResults(open, read);
  const given = open.filter((name) => values[name] === true);
  if (given.length === 0) return;
  await raw.C_DestroyObject(session.name, handle);
  const names = given.join(', ');
  throw unsupported(
    `the token refuses to deny usages, and gives the key some that were not asked for (${names}), so the key was destroyed; ask for them, or leave them to the token with attributes: { ${given[0]}: undefined }`,
  );
}
