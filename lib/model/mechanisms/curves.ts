import { argumentError, shown } from '../../core/arguments';

/** An elliptic curve. */
export interface Curve {
  readonly name: string;
  /** Length of a public key in bytes: an uncompressed point, or the plain key of an Edwards or Montgomery curve. */
  readonly pointLength: number;
  /** The object identifier in DER (CKA_EC_PARAMS). */
  readonly oid: Buffer;
  readonly keyType: 'EC' | 'EC_EDWARDS' | 'EC_MONTGOMERY';
}

const oid = (hex: string): Buffer => Buffer.from(hex, 'hex');

const CURVES: readonly Curve[] = [
  { name: 'P-224', pointLength: 57, oid: oid('06052b81040021'), keyType: 'EC' },
  { name: 'P-256', pointLength: 65, oid: oid('06082a8648ce3d030107'), keyType: 'EC' },
  { name: 'P-384', pointLength: 97, oid: oid('06052b81040022'), keyType: 'EC' },
  { name: 'P-521', pointLength: 133, oid: oid('06052b81040023'), keyType: 'EC' },
  { name: 'secp256k1', pointLength: 65, oid: oid('06052b8104000a'), keyType: 'EC' },
  { name: 'brainpoolP256r1', pointLength: 65, oid: oid('06092b2403030208010107'), keyType: 'EC' },
  { name: 'brainpoolP384r1', pointLength: 97, oid: oid('06092b240303020801010b'), keyType: 'EC' },
  { name: 'brainpoolP512r1', pointLength: 129, oid: oid('06092b240303020801010d'), keyType: 'EC' },
  { name: 'Ed25519', pointLength: 32, oid: oid('06032b6570'), keyType: 'EC_EDWARDS' },
  { name: 'Ed448', pointLength: 57, oid: oid('06032b6571'), keyType: 'EC_EDWARDS' },
  { name: 'X25519', pointLength: 32, oid: oid('06032b656e'), keyType: 'EC_MONTGOMERY' },
  { name: 'X448', pointLength: 56, oid: oid('06032b656f'), keyType: 'EC_MONTGOMERY' },
];

/** The names by which curves are known here. */
export const CURVE_NAMES: readonly string[] = CURVES.map(({ name }) => name);

/** CKA_EC_PARAMS may also hold the name of the curve as a PrintableString (PKCS#11 3.1, section 2.3.3). */
const PRINTABLE: Readonly<Record<string, string>> = {
  edwards25519: 'Ed25519',
  edwards448: 'Ed448',
  curve25519: 'X25519',
  curve448: 'X448',
};

/**
 * The curve with this name.
 * @throws RangeError ERR_OUT_OF_RANGE
 */
export function curveNamed(name: string): Curve {
  const found = CURVES.find((curve) => curve.name === name);
  if (found !== undefined) return found;
  throw argumentError(
    RangeError,
    `"${shown(name)}" is no known curve; there are ${CURVE_NAMES.join(', ')}. Others: give ecParams`,
  );
}

/** The curve that a value of CKA_EC_PARAMS means, if it is one of ours. */
export function curveOf(ecParams: Buffer): Curve | undefined {
  const text = ecParams[0] === 0x13 ? PRINTABLE[ecParams.toString('latin1', 2)] : undefined;
  return CURVES.find((curve) => (text === undefined ? curve.oid.equals(ecParams) : curve.name === text));
}
