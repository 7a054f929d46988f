/** The parameter sets of post-quantum keys: types of keys in node:crypto, CKA_KEY_TYPE and CKA_PARAMETER_SET. */
import { CKP } from '../../generated/constants';

/** A parameter set. */
export interface ParameterSet {
  /** The name of CKP_ without the prefix: ML_DSA_44. */
  readonly name: string;
  readonly keyType: 'ML_DSA' | 'ML_KEM' | 'SLH_DSA';
  /** CKA_PARAMETER_SET */
  readonly value: number;
  /** The object identifier of its keys in PKCS#8 and SPKI. */
  readonly oid: string;
}

/** Arc of the algorithms of NIST (2.16.840.1.101.3.4). */
const NIST = '2.16.840.1.101.3.4';

const SLH_DSA = [
  ...['SHA2_128S', 'SHA2_128F', 'SHA2_192S', 'SHA2_192F', 'SHA2_256S', 'SHA2_256F'],
  ...['SHAKE_128S', 'SHAKE_128F', 'SHAKE_192S', 'SHAKE_192F', 'SHAKE_256S', 'SHAKE_256F'],
];

const IDENTIFIERS: readonly (readonly [ParameterSet['keyType'], string, string])[] = [
  ['ML_KEM', 'ML_KEM_512', `${NIST}.4.1`],
  ['ML_KEM', 'ML_KEM_768', `${NIST}.4.2`],
  ['ML_KEM', 'ML_KEM_1024', `${NIST}.4.3`],
  ['ML_DSA', 'ML_DSA_44', `${NIST}.3.17`],
  ['ML_DSA', 'ML_DSA_65', `${NIST}.3.18`],
  ['ML_DSA', 'ML_DSA_87', `${NIST}.3.19`],
  ...SLH_DSA.map((name, index) => ['SLH_DSA', `SLH_DSA_${name}`, `${NIST}.3.${20 + index}`] as const),
];

const SETS: ReadonlyMap<string, ParameterSet> = new Map(
  IDENTIFIERS.map(([keyType, name, oid]) => [
    name.toLowerCase().replaceAll('_', '-'),
    { name, keyType, value: (CKP as Readonly<Record<string, number>>)[name] as number, oid },
  ]),
);

/** Returns the parameter set of a type of key in node:crypto ('ml-dsa-44'); undefined for other types. */
export function parameterSetOf(type: string | undefined): ParameterSet | undefined {
  return SETS.get(String(type));
}

/** Returns the parameter set with this CKA_PARAMETER_SET; undefined for other types of keys and unknown numbers. */
export function parameterSetWith(keyType: unknown, value: number | undefined): ParameterSet | undefined {
  return [...SETS.values()].find((set) => set.keyType === keyType && set.value === value);
}
