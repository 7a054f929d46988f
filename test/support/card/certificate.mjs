// @ts-check
// Self-signed X.509 certificates (RFC 5280): Node.js can read certificates but not create them.
import { createPublicKey, sign } from 'node:crypto';
import { integer, tlv } from './tlv.mjs';

const SEQUENCE = 0x30;
const ECDSA_SHA256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const RSA_SHA256 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const COMMON_NAME = [0x55, 0x04, 0x03];

/** @param {import('node:crypto').KeyObject} privateKey */
function algorithm(privateKey) {
  const isRsa = privateKey.asymmetricKeyType === 'rsa';
  return isRsa ? tlv(SEQUENCE, tlv(0x06, RSA_SHA256), tlv(0x05)) : tlv(SEQUENCE, tlv(0x06, ECDSA_SHA256));
}

/** @param {string} text */
const utf8 = (text) => tlv(0x0c, Buffer.from(text));
/** @param {number} year of its first second */
const time = (year) => tlv(0x18, Buffer.from(`${year}0101000000Z`));

/**
 * @param {import('node:crypto').KeyObject} privateKey @param {string} commonName @param {bigint} serialNumber
 * @returns {Buffer} DER
 */
export function selfSigned(privateKey, commonName, serialNumber) {
  const name = tlv(SEQUENCE, tlv(0x31, tlv(SEQUENCE, tlv(0x06, COMMON_NAME), utf8(commonName))));
  const toBeSigned = tlv(
    SEQUENCE,
    tlv(0xa0, integer(2n)), // version 3
    integer(serialNumber),
    algorithm(privateKey),
    name,
    tlv(SEQUENCE, time(2020), time(2100)),
    name,
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  return tlv(SEQUENCE, toBeSigned, algorithm(privateKey), tlv(0x03, [0], signature));
}
