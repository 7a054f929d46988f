import { createPublicKey, type KeyObject, sign, X509Certificate } from 'node:crypto';
import { integer, tlv } from './card/tlv.mjs';

const SEQUENCE = 0x30;
const ECDSA_SHA256 = Buffer.from('2a8648ce3d040302', 'hex');
const RSA_SHA256 = Buffer.from('2a864886f70d01010b', 'hex');
const COMMON_NAME = Buffer.from('550403', 'hex');

/** The fields of a certificate of {@link issue}. */
export interface CertificateFields {
  readonly subject: string;
  /** Default: the subject. */
  readonly issuer?: string;
  /** The key of the certificate: a public or a private key. */
  readonly key: KeyObject;
  /** The private key of the issuer (RSA or EC). */
  readonly signer: KeyObject;
  readonly serialNumber?: bigint;
  /** Version 1 has no field for its version. */
  readonly version?: 1 | 3;
  /** The years of its first second and of its end. */
  readonly years?: readonly [number, number];
}

const name = (text: string) =>
  tlv(SEQUENCE, tlv(0x31, tlv(SEQUENCE, tlv(0x06, COMMON_NAME), tlv(0x0c, Buffer.from(text)))));
const time = (year: number) => tlv(0x18, Buffer.from(`${year}0101000000Z`));

/** Issues an X.509 certificate: Node reads certificates, but does not make them. */
export function issue(fields: CertificateFields): X509Certificate {
  const { subject, issuer = subject, key, signer, serialNumber = 1n, version = 3 } = fields;
  const [begin, end] = fields.years ?? [2020, 2100];
  const isRsa = signer.asymmetricKeyType === 'rsa';
  const algorithm = isRsa
    ? tlv(SEQUENCE, tlv(0x06, RSA_SHA256), tlv(0x05))
    : tlv(SEQUENCE, tlv(0x06, ECDSA_SHA256));
  const publicKey = key.type === 'public' ? key : createPublicKey(key);
  const toBeSigned = tlv(
    SEQUENCE,
    ...(version === 1 ? [] : [tlv(0xa0, integer(2n))]),
    integer(serialNumber),
    algorithm,
    name(issuer),
    tlv(SEQUENCE, time(begin), time(end)),
    name(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = sign('sha256', toBeSigned, signer);
  return new X509Certificate(tlv(SEQUENCE, toBeSigned, algorithm, tlv(0x03, [0], signature)));
}
