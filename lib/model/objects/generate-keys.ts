import { randomBytes } from 'node:crypto';
import { argumentError, requireOptions, shown } from '../../core/arguments';
import { requirePlain } from '../../core/selection';
import { CKM } from '../../generated/constants';
import type { RawMechanism } from '../../raw/values';
import { type AttributeName, type Attributes, toTemplate } from '../attributes';
import { loginEpoch, type ObjectTraits, useForWriting } from '../login/session-access';
import { curveNamed } from '../mechanisms/curves';
import { asMechanism, type Mechanism } from '../mechanisms/mechanism';
import type { ModelSession } from '../model-types';
import type { KeyType } from './identity';

/** What a key is for: the attribute of the private or secret half; the public half gets its counterpart. */
export type KeyUsage = 'sign' | 'decrypt' | 'derive' | 'unwrap';

interface CommonOptions {
  /** CKA_LABEL of the key, or of both halves. */
  readonly label?: string | undefined;
  /** CKA_ID of the key, or of both halves; default 20 random bytes, so that the halves find each other. */
  readonly id?: Uint8Array | undefined;
  /** CKA_TOKEN: true keeps the key on the token, false (the default) until the session closes. */
  readonly token?: boolean | undefined;
  /** CKA_EXTRACTABLE of the private or secret key; default false. */
  readonly extractable?: boolean | undefined;
}

/** How a key pair is generated. */
export interface KeyPairOptions extends CommonOptions {
  readonly keyType: 'EC' | 'RSA' | 'EC_EDWARDS' | 'EC_MONTGOMERY' | Mechanism;
  /** The curve: 'P-256', 'P-384', 'Ed25519' ...; see mechanisms/curves.ts. Others: give publicKey.ecParams. */
  readonly curve?: string | undefined;
  /** CKA_MODULUS_BITS; default 2048. */
  readonly modulusBits?: number | undefined;
  /** CKA_PUBLIC_EXPONENT; default 65537. */
  readonly publicExponent?: Uint8Array | bigint | undefined;
  /** Default: ['sign'], for EC_MONTGOMERY ['derive']. */
  readonly usage?: readonly KeyUsage[] | undefined;
  /** More attributes of the public key; they win over all others. */
  readonly publicKey?: Attributes | undefined;
  /** More attributes of the private key; they win over all others. */
  readonly privateKey?: Attributes | undefined;
}

/** How a secret key is generated. Every other attribute can be given too. */
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

const PRIVATE_USAGE: UsageTable = {
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
const SECRET_USAGE: UsageTable = {
  encrypt: ['encrypt', 'decrypt'],
  sign: ['sign', 'verify'],
  derive: ['derive'],
  wrap: ['wrap', 'unwrap'],
};

/**
 * The attributes of what the key is for. A caller who has said it gets false for all else, since tokens differ in what
 * they take as default; otherwise no more is said than is needed, since some tokens refuse more (tpm2-pkcs11).
 */
function usageAttributes(
  chosen: readonly string[] | undefined,
  usual: readonly string[],
  table: UsageTable,
): Attributes {
  const usages = chosen === undefined ? usual : chosen;
  if (!Array.isArray(usages)) throw argumentError(TypeError, 'usage must be an array of names');
  const names = usages.flatMap((usage) => {
    const found = Object.hasOwn(table, usage) ? table[usage] : undefined;
    if (found !== undefined) return found;
    const known = Object.keys(table).join(', ');
    throw argumentError(RangeError, `"${shown(usage)}" is no usage of such a key; there are ${known}`);
  });
  const all = chosen === undefined ? names : Object.values(table).flat();
  const attributes: unknown = Object.fromEntries(all.map((name) => [name, names.includes(name)]));
  return attributes as Attributes;
}

function pairMechanism(keyType: KeyPairOptions['keyType']): RawMechanism {
  const given = typeof keyType === 'object' ? asMechanism(keyType) : undefined;
  if (given !== undefined) return given;
  const mechanism =
    typeof keyType === 'string' && Object.hasOwn(PAIR_MECHANISMS, keyType)
      ? PAIR_MECHANISMS[keyType]
      : undefined;
  if (mechanism !== undefined) return { mechanism };
  const known = Object.keys(PAIR_MECHANISMS).join(', ');
  throw argumentError(
    RangeError,
    `"${shown(keyType)}" is no type of key pair; there are ${known}, or give a mechanism`,
  );
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

/** C_GenerateKeyPair; see Session.generateKeyPair. */
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
    throw argumentError(TypeError, 'a key pair of type RSA has no curve');
  }
  if (isElliptic && options.curve === undefined && options.publicKey?.ecParams === undefined) {
    throw argumentError(
      TypeError,
      `a key pair of type ${options.keyType} needs a curve, such as { curve: 'P-256' }`,
    );
  }
  const usual = [options.keyType === 'EC_MONTGOMERY' ? 'derive' : 'sign'];
  const publicKey: Attributes = {
    class: 'PUBLIC_KEY',
    ...{ label, id, token, private: false },
    ...domainAttributes(options),
    ...usageAttributes(options.usage, usual, PUBLIC_USAGE),
    ...options.publicKey,
  };
  const privateKey: Attributes = {
    class: 'PRIVATE_KEY',
    ...{ label, id, token, private: true, sensitive: true, extractable },
    ...usageAttributes(options.usage, usual, PRIVATE_USAGE),
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

function keyMechanism(keyType: KeyOptions['keyType']): RawMechanism {
  const given = typeof keyType === 'object' ? asMechanism(keyType) : undefined;
  if (given !== undefined) return given;
  const mechanism = (CKM as Readonly<Record<string, number>>)[`${shown(keyType)}_KEY_GEN`];
  if (typeof keyType === 'string' && mechanism !== undefined) return { mechanism };
  throw argumentError(RangeError, `there is no CKM_${shown(keyType)}_KEY_GEN; give a mechanism`);
}

/** C_GenerateKey; see Session.generateKey. */
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
