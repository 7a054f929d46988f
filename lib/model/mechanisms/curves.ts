import { unknownName } from '../../core/argument-errors';
import { requireString } from '../../core/arguments';

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

/** The names of curves in this package. */
export const CURVE_NAMES: readonly string[] = CURVES.map(({ name }) => name);

/**
 * Names of curves as a PrintableString, which CKA_EC_PARAMS may also contain (PKCS#11 3.1, section 2.3.3): in lower case,
 * letters and digits only.
 */
const PRINTABLE: Readonly<Record<string, string>> = {
  ...Object.fromEntries(CURVES.map(({ name }) => [plain(name), name])),
  ...{ secp224r1: 'P-224', nistp224: 'P-224' },
  ...{ secp256r1: 'P-256', prime256v1: 'P-256', ansix9p256r1: 'P-256', nistp256: 'P-256' },
  ...{ secp384r1: 'P-384', ansix9p384r1: 'P-384', nistp384: 'P-384' },
  ...{ secp521r1: 'P-521', ansix9p521r1: 'P-521', nistp521: 'P-521' },
  ...{ edwards25519: 'Ed25519', edwards448: 'Ed448', curve25519: 'X25519', curve448: 'X448' },
};

function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** Tags of UTF8String, PrintableString, IA5String. */
const TEXT_TAGS = [0x0c, 0x13, 0x16];

/** Returns the curves of a key type (CKA_KEY_TYPE). */
export function curvesOf(keyType: string): readonly Curve[] {
  return CURVES.filter((curve) => curve.keyType === keyType);
}

/**
 * Returns the curve with this name.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function curveNamed(name: string): Curve {
  requireString(name, 'curve');
  const found = CURVES.find((curve) => curve.name === name);
  if (found !== undefined) return found;
  throw unknownName('curve', name, CURVE_NAMES, { help: 'For other curves give ecParams' });
}

/** Returns the curve of a value of CKA_EC_PARAMS, an object identifier or a name; undefined for other curves. */
export function curveOf(ecParams: Buffer): Curve | undefined {
  const isText = TEXT_TAGS.includes(ecParams[0] as number) && ecParams[1] === ecParams.length - 2;
  const name = isText ? PRINTABLE[plain(ecParams.toString('latin1', 2))] : undefined;
  return CURVES.find((curve) => (isText ? curve.name === name : curve.oid.equals(ecParams)));
}
