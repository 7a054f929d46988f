/** Derivation of keys and bits from a key (C_DeriveKey). */
import { outOfRange, wrongType, wrongValue } from '../../core/argument-errors';
import { requireInteger } from '../../core/arguments';
import { CKM } from '../../generated/constants';
import type { RawMechanism } from '../../raw/values';
import { type Attributes, toTemplate } from '../attributes';
import {
  agreementMechanism,
  agreementOptions,
  derivationAlgorithm,
  hkdfMechanism,
} from '../mechanisms/derivation';
import { asMechanism, type MechanismInput } from '../mechanisms/mechanism';
import type { MadeObject, ModelKey } from '../model-types';
import { type NewSecretKeyOptions, secretKeyAttributes } from '../objects/new-key';
import { peerOf, withKeyObject, withPoint } from './agreement';
import { checkRequested, makeKey } from './make-key';

/** Default length of derived AES keys and generic secrets, in bytes, where the derivation does not determine it. */
const DEFAULT_LENGTH = 32;

const BITS_PER_BYTE = 8;

/** Returns the length in bytes; undefined for null. */
function bytesOfLength(length: number | null): number | undefined {
  if (length === null) return undefined;
  requireInteger(length, 'length', { min: BITS_PER_BYTE, unit: ' bits' });
  if (length % BITS_PER_BYTE !== 0) throw outOfRange('length', 'a multiple of 8 bits', length);
  return length / BITS_PER_BYTE;
}

/** Derives bits; see Deriving.deriveBits. */
export async function deriveBits(
  key: ModelKey,
  input: MechanismInput,
  length: number | null,
): Promise<Buffer> {
  key.use();
  const wanted = bytesOfLength(length);
  const resolved = await withKeyObject(input);
  const secret: Attributes = {
    ...{ class: 'SECRET_KEY', keyType: 'GENERIC_SECRET', token: false, private: key.isPrivate },
    ...{ sensitive: false, extractable: true },
  };
  const derive = (mechanism: RawMechanism, template: Attributes): Promise<Buffer> =>
    key.use().deriveValue(key.session.name, mechanism, key.handle, toTemplate(template), wanted ?? 0);
  const algorithm = derivationAlgorithm(resolved);
  if (algorithm === undefined) {
    return derive(asMechanism(resolved) as RawMechanism, { ...secret, valueLen: wanted });
  }
  const available = await key.session.token.mechanismSet();
  if (algorithm.name === 'HKDF') {
    if (wanted === undefined) throw wrongType('length', 'a number of bits for HKDF', length);
    const mechanism = hkdfMechanism(algorithm, available, 'data', wanted);
    // NSS refuses CKA_PRIVATE for derived data.
    const data: Attributes = { class: 'DATA', token: false };
    return derive(mechanism, {
      ...(mechanism.mechanism === CKM.HKDF_DATA ? data : secret),
      valueLen: wanted,
    });
  }
  const options = agreementOptions(algorithm, available);
  const peer = await peerOf(key, algorithm);
  if (options.hasKdf && wanted === undefined)
    throw wrongType('length', 'a number of bits for ECDH with a KDF', length);
  const { secretLength, curveName } = peer;
  if (!options.hasKdf && wanted !== undefined && secretLength !== undefined && wanted > secretLength) {
    const most = secretLength * BITS_PER_BYTE;
    throw outOfRange(
      'length',
      `at most ${most} bits for ECDH on ${curveName ?? 'this curve'} without a KDF`,
      length,
    );
  }
  // With a shorter CKA_VALUE_LEN the token would keep the last bytes (PKCS#11 3.1, section 6.3.18), and WebCrypto, JOSE and
  // node:crypto use the first ones.
  const template = { ...secret, valueLen: options.hasKdf ? wanted : secretLength };
  return withPoint(key, peer, (point) => derive(agreementMechanism(options, point), template));
}

/** Derives a key; see Deriving.deriveKey. */
export async function deriveKey(
  key: ModelKey,
  input: MechanismInput,
  options: NewSecretKeyOptions,
): Promise<MadeObject> {
  key.use();
  const attributes = secretKeyAttributes(options, 'the options of deriveKey');
  checkRequested(key, attributes);
  const resolved = await withKeyObject(input);
  const derive = (mechanism: RawMechanism, requested: Attributes): Promise<MadeObject> =>
    makeKey(key, requested, (raw, template) =>
      raw.C_DeriveKey(key.session.name, mechanism, key.handle, template),
    );
  const algorithm = derivationAlgorithm(resolved);
  if (algorithm === undefined) return derive(asMechanism(resolved) as RawMechanism, attributes);
  const available = await key.session.token.mechanismSet();
  if (algorithm.name === 'HKDF') {
    const valueLen = chosenLength(attributes) ?? DEFAULT_LENGTH;
    return derive(hkdfMechanism(algorithm, available, 'key', valueLen), withLength(attributes, valueLen));
  }
  const agreement = agreementOptions(algorithm, available);
  const peer = await peerOf(key, algorithm);
  const valueLen = agreement.hasKdf
    ? (chosenLength(attributes) ?? DEFAULT_LENGTH)
    : secretLengthFor(attributes, peer.secretLength);
  return withPoint(key, peer, (point) =>
    derive(agreementMechanism(agreement, point), withLength(attributes, valueLen)),
  );
}

const chosenLength = ({ valueLen }: Attributes): number | undefined =>
  valueLen === undefined ? undefined : Number(valueLen);

/** Types of keys with a length that their creator chooses. Keys of other types have one length, and refuse CKA_VALUE_LEN. */
const hasLength = ({ keyType }: Attributes): boolean =>
  typeof keyType !== 'string' || !/^(DES|CHACHA20|POLY1305)/.test(keyType);

function withLength(attributes: Attributes, valueLen: number | undefined): Attributes {
  return hasLength(attributes) ? { ...attributes, valueLen } : attributes;
}

/**
 * Returns the length of a key that is the shared secret itself.
 * @throws TypeError ERR_INVALID_ARG_VALUE for a key of another length
 */
function secretLengthFor(attributes: Attributes, secretLength: number | undefined): number | undefined {
  const { keyType } = attributes;
  const chosen = chosenLength(attributes) ?? (keyType === 'AES' ? DEFAULT_LENGTH : undefined);
  if (secretLength === undefined) return chosen;
  if (hasLength(attributes) && (chosen === undefined || chosen === secretLength)) return secretLength;
  const length = hasLength(attributes) ? ` of ${chosen} bytes` : '';
  throw wrongValue(
    `a key of type ${String(keyType)}${length} cannot be the shared secret of ${secretLength} bytes: the token would keep its last bytes, ` +
      "and other implementations its first ones. Give ECDH a KDF (kdf: 'SHA-256'), or derive a GENERIC_SECRET and derive the key from that",
  );
}
