/** Reads X.509 certificates, with node:crypto, before any call of the module. */
import { X509Certificate } from 'node:crypto';
import { BitString, Constructed } from 'asn1js';
import { wrongType, wrongValue } from '../../core/argument-errors';
import { isBytes, viewOf } from '../../core/arguments';
import type { BytesLike } from '../../raw/values';
import type { Attributes } from '../attributes';
import { elementOf, encodingOf, membersOf } from '../objects/der';
import { unreadable } from './import-errors';

/** A certificate: text is PEM; bytes are PEM or DER. */
export type CertificateInput = string | BytesLike | X509Certificate;

const BLOCKS = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[^-]*-----END \1-----/g;

function parse(certificate: string | Buffer): X509Certificate {
  try {
    return new X509Certificate(certificate);
  } catch (error) {
    throw unreadable('the certificate is not an X.509 certificate in PEM or DER', error);
  }
}

function parsePem(text: string): readonly X509Certificate[] {
  const blocks = text.match(BLOCKS) ?? [];
  if (blocks.length === 0) {
    throw wrongValue('the text has no certificate in PEM (no "-----BEGIN CERTIFICATE-----" with its end)');
  }
  return blocks.map(parse);
}

/**
 * Reads all certificates of a text in PEM, or the one in another form.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE
 */
export function readCertificates(input: CertificateInput): readonly X509Certificate[] {
  if (input instanceof X509Certificate) return [input];
  if (typeof input === 'string') return parsePem(input);
  if (!isBytes(input)) throw wrongType('the certificate', 'an X509Certificate, PEM or DER', input);
  const bytes = Buffer.from(viewOf(input));
  return bytes.includes('-----BEGIN ') ? parsePem(bytes.toString('latin1')) : [parse(bytes)];
}

/** Returns subject, issuer and serial number as they are in the certificate, in DER, and the certificate itself. */
export function certificateAttributes(certificate: X509Certificate): Attributes {
  const [signed, , signature] = membersOf(elementOf(certificate.raw));
  const members = [...membersOf(signed)];
  // [0] version, which certificates of version 1 do not have
  if (members[0]?.idBlock.tagClass === 3 && members[0] instanceof Constructed) members.shift();
  const [serialNumber, , issuer, , subject] = members;
  if (!(signature instanceof BitString) || !serialNumber || !issuer || !subject) {
    throw wrongValue('the certificate is not an X.509 certificate in DER');
  }
  return {
    subject: encodingOf(subject),
    issuer: encodingOf(issuer),
    serialNumber: encodingOf(serialNumber),
    value: certificate.raw,
  };
}
