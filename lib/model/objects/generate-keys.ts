import { randomBytes } from 'node:crypto';
import { unknownName, wrongType, wrongValue } from '../../core/argument-errors';
import { requireOptions } from '../../core/arguments';
import { requirePlain } from '../../core/selection';
import { CKM } from '../../generated/constants';
import type { RawMechanism } from '../../raw/values';
import { type AttributeName, type Attributes, toTemplate } from '../attributes';
import { loginEpoch, type ObjectTraits, useForWriting } from '../login/session-access';
import { curveNamed } from '../mechanisms/curves';
import { asMechanism, type Mechanism } from '../mechanisms/mechanism';
import type { ModelSession } from '../model-types';
import type { KeyType } from './identity';

/** A usage of a key pair: the attribute of the private key. The public key gets its counterpart. */
export type KeyUsage = 'sign' | 'decrypt' | 'derive' | 'unwrap';

interface CommonOptions {
  /** CKA_LABEL of the key, or of both halves. */
  readonly label?: string | undefined;
  /** CKA_ID of the key, or of both halves; default 20 random bytes, so that each half can be found from the other. */
  readonly id?: Uint8Array | undefined;
  /** CKA_TOKEN: true keeps the key on the token, false (the default) until the session closes. */
  readonly token?: boolean | undefined;
  /** CKA_EXTRACTABLE of the private or secret key; default false. */
  readonly extractable?: boolean | undefined;
}

/** The options of Session.generateKeyPair. */
export interface KeyPairOptions extends CommonOptions {
  readonly keyType: 'EC' | 'RSA' | 'EC_EDWARDS' | 'EC_MONTGOMERY' | Mechanism;
  /** The curve: 'P-256', 'P-384', 'Ed25519' ...; see mechanisms/curves.ts. For another curve give publicKey.ecParams. */
  readonly curve?: string | undefined;
  /** CKA_MODULUS_BITS; default 2048. */
  readonly modulusBits?: number | undefined;
  /** CKA_PUBLIC_EXPONENT; default 65537. */
  readonly publicExponent?: Uint8Array | bigint | undefined;
  /** Default: ['sign'], for EC_MONTGOMERY ['derive']. */
  readonly usage?: readonly KeyUsage[] | undefined;
  /** More attributes of the public key; they replace those of the other options. */
  readonly publicKey?: Attributes | undefined;
  /** More attributes of the private key; they replace those of the other options. */
  readonly privateKey?: Attributes | undefined;
}

/** The options of Session.generateKey. All other attributes can be given too. */
export type KeyOptions = Omit<Attributes, 'id' | 'label' | 'token' | 'extractable' | 'keyType' | 'class'> &
  CommonOptions & {
    readonly keyType: KeyType | Mechanism;
    /** Default: encrypt and decrypt for AES, sign and verify for GENERIC_SECRET and HMAC keys. */
    readonly usage?: readonly ('encrypt' | 'sign' | 'derive' | 'wrap')[] | undefined;
  };

/** A key that was generated. */
export interface GeneratedKey {
  /** CK_OBJECT_HANDLE */
  readonly handle: bigint;
  /** The attributes that were requested. */
  readonly requested: Attributes;
  /** The epoch of the login before the call. */
  readonly loginEpoch: number;
}

const PAIR_MECHANISMS: Readonly<Record<string, number>> = {
  EC: CKM.EC_KEY_PAIR_GEN,
  RSA: CKM.RSA_PKCS_KEY_PAIR_GEN,
  EC_EDWARDS: CKM.EC_EDWARDS_KEY_PAIR_GEN,
  EC_MONTGOMERY: CKM.EC_MONTGOMERY_KEY_PAIR_GEN,
};

const PAIR_OPTIONS = [
  'keyType',
  'curve',
  'modulusBits',
  'publicExponent',
  'usage',
  'label',
  'id',
  'token',
  'extractable',
  'publicKey',
  'privateKey',
] as const;

type UsageTable = Readonly<Record<string, readonly AttributeName[]>>;

/** The attributes for each usage of a private key. */
export const PRIVATE_USAGE: UsageTable = {
  sign: ['sign'],
  decrypt: ['decrypt'],
  derive: ['derive'],
  unwrap: ['unwrap'],
};
const PUBLIC_USAGE: UsageTable = {
  sign: ['verify'],
  decrypt: ['encrypt'],
  derive: ['derive'],
  unwrap: ['wrap'],
};
/** The attributes for each usage of a secret key. */
export const SECRET_USAGE: UsageTable = {
  encrypt: ['encrypt', 'decrypt'],
  sign: ['sign', 'verify'],
  derive: ['derive'],
  wrap: ['wrap', 'unwrap'],
};

/**
 * Returns the attributes for the usages of a key. If the caller has chosen the usages, all others are set to false,
 * because tokens have different defaults. Otherwise only the default usage is set, because some tokens refuse more
 * attributes (tpm2-pkcs11).
 */
export function usageAttributes(
  chosen: readonly string[] | undefined,
  defaults: readonly string[],
  table: UsageTable,
): Attributes {
  const usages = chosen === undefined ? defaults : chosen;
  if (!Array.isArray(usages)) throw wrongType('usage', 'an array of names', usages);
  const names = usages.flatMap((usage) => {
    const found = Object.hasOwn(table, usage) ? table[usage] : undefined;
    if (found !== undefined) return found;
    throw unknownName('usage', usage, Object.keys(table), { place: ' of a key' });
  });
  const all = chosen === undefined ? names : Object.values(table).flat();
  const attributes: unknown = Object.fromEntries(all.map((name) => [name, names.includes(name)]));
  return attributes as Attributes;
}

const MECHANISM_HELP = 'For other types give a mechanism';

function pairMechanism(keyType: KeyPairOptions['keyType']): RawMechanism {
  const custom = typeof keyType === 'object' ? asMechanism(keyType) : undefined;
  if (custom !== undefined) return custom;
  const mechanism =
    typeof keyType === 'string' && Object.hasOwn(PAIR_MECHANISMS, keyType)
      ? PAIR_MECHANISMS[keyType]
      : undefined;
  if (mechanism !== undefined) return { mechanism };
  if (typeof keyType !== 'string') throw wrongType('keyType', 'a string or a mechanism', keyType);
  throw unknownName('type', keyType, Object.keys(PAIR_MECHANISMS), {
    place: ' of a key pair',
    help: MECHANISM_HELP,
  });
}

function domainAttributes({ keyType, curve, modulusBits, publicExponent }: KeyPairOptions): Attributes {
  if (keyType === 'RSA') {
    return { modulusBits: modulusBits ?? 2048, publicExponent: publicExponent ?? 65537n };
  }
  return curve === undefined ? {} : { ecParams: curveNamed(curve).oid };
}

const traitsOf = (template: Attributes): ObjectTraits => ({
  token: template.token ?? false,
  private: template.private,
});

/** Generates a key pair with C_GenerateKeyPair; see Session.generateKeyPair. */
export async function generateKeyPair(
  session: ModelSession,
  options: KeyPairOptions,
): Promise<{ readonly publicKey: GeneratedKey; readonly privateKey: GeneratedKey }> {
  requireOptions(options, 'the options of generateKeyPair', PAIR_OPTIONS);
  for (const name of ['publicKey', 'privateKey'] as const) {
    if (options[name] !== undefined) requirePlain(options[name], `${name} in the options of generateKeyPair`);
  }
  const mechanism = pairMechanism(options.keyType);
  const { label, token = false, extractable = false, id = randomBytes(20) } = options;
  const isElliptic = typeof options.keyType === 'string' && options.keyType.startsWith('EC');
  if (options.keyType === 'RSA' && options.curve !== undefined) {
    throw wrongValue('curve must not be given for a key pair of type RSA; give modulusBits');
  }
  if (isElliptic && options.curve === undefined && options.publicKey?.ecParams === undefined) {
    const name = options.keyType === 'EC' ? 'P-256' : options.keyType === 'EC_EDWARDS' ? 'Ed25519' : 'X25519';
    const expected = `the name of a curve, such as '${name}', for a key pair of type ${options.keyType}`;
    throw wrongType('curve', expected, undefined);
  }
  const defaultUsage = [options.keyType === 'EC_MONTGOMERY' ? 'derive' : 'sign'];
  const publicKey: Attributes = {
    class: 'PUBLIC_KEY',
    ...{ label, id, token, private: false },
    ...domainAttributes(options),
    ...usageAttributes(options.usage, defaultUsage, PUBLIC_USAGE),
    ...options.publicKey,
  };
  const privateKey: Attributes = {
    class: 'PRIVATE_KEY',
    ...{ label, id, token, private: true, sensitive: true, extractable },
    ...usageAttributes(options.usage, defaultUsage, PRIVATE_USAGE),
    ...options.privateKey,
  };
  const templates = [toTemplate(publicKey), toTemplate(privateKey)] as const;
  useForWriting(session, 'generate', traitsOf(publicKey));
  const raw = useForWriting(session, 'generate', traitsOf(privateKey));
  const epoch = loginEpoch(session);
  const handles = await raw.C_GenerateKeyPair(session.name, mechanism, ...templates);
  return {
    publicKey: { handle: handles.publicKey, requested: publicKey, loginEpoch: epoch },
    privateKey: { handle: handles.privateKey, requested: privateKey, loginEpoch: epoch },
  };
}

const KEY_GEN = /_KEY_GEN$/;

function keyMechanism(keyType: KeyOptions['keyType']): RawMechanism {
  const custom = typeof keyType === 'object' ? asMechanism(keyType) : undefined;
  if (custom !== undefined) return custom;
  const mechanism =
    typeof keyType === 'string' ? (CKM as Readonly<Record<string, number>>)[`${keyType}_KEY_GEN`] : undefined;
  if (mechanism !== undefined) return { mechanism };
  if (typeof keyType !== 'string') throw wrongType('keyType', 'a string or a mechanism', keyType);
  const known = Object.keys(CKM).filter((name) => KEY_GEN.test(name));
  throw unknownName(
    'type',
    keyType,
    known.map((name) => name.replace(KEY_GEN, '')),
    { place: ' of a secret key', help: MECHANISM_HELP },
  );
}

/** Generates a secret key with C_GenerateKey; see Session.generateKey. */
export async function generateKey(session: ModelSession, options: KeyOptions): Promise<GeneratedKey> {
  const { keyType, usage, id = randomBytes(20), token = false, extractable = false, ...rest } = options;
  const attributes: Attributes = rest;
  const hasLength = keyType === 'AES' || keyType === 'GENERIC_SECRET';
  const isCipher = typeof keyType === 'string' && !/GENERIC|HMAC|HKDF/.test(keyType);
  const key: Attributes = {
    class: 'SECRET_KEY',
    ...{ id, token, private: true, sensitive: true, extractable },
    ...usageAttributes(usage, [isCipher ? 'encrypt' : 'sign'], SECRET_USAGE),
    ...attributes,
    valueLen: attributes.valueLen ?? (hasLength ? 32 : undefined),
  };
  const template = toTemplate(key);
  const raw = useForWriting(session, 'generate', traitsOf(key));
  const epoch = loginEpoch(session);
  const handle = await raw.C_GenerateKey(session.name, keyMechanism(keyType), template);
  return { handle, requested: key, loginEpoch: epoch };
}
