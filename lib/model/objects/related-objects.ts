/** Finds the objects that belong to a key or a certificate, by id or label, and proves that they do. */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { ownError } from '../../core/errors';
import type { Attributes } from '../attributes';
import type { ModelCertificate, ModelObject, ModelPrivateKey } from '../model-types';
import { findable } from '../native-keys/reading';
import { belongsTo, publicKeyIn } from './key-comparison';

/** A class of objects that belong to others. */
export type RelatedClass = 'PRIVATE_KEY' | 'PUBLIC_KEY' | 'CERTIFICATE';

const NOUNS: Readonly<Record<RelatedClass, string>> = {
  PRIVATE_KEY: 'private key',
  PUBLIC_KEY: 'public key',
  CERTIFICATE: 'certificate',
};

/** Limit of the certificates in a chain. */
const MAX_CHAIN = 16;

/** The objects that belong to one object, and the number of those that do not. */
interface Related {
  readonly proved: ModelObject[];
  readonly others: number;
  readonly unproved: number;
}

/** Returns true when two objects belong to the same key; undefined when that cannot be proved. */
async function belong(object: ModelObject, candidate: ModelObject): Promise<boolean | undefined> {
  const [privateKey, other] = object.class === 'PRIVATE_KEY' ? [object, candidate] : [candidate, object];
  if (privateKey.class === 'PRIVATE_KEY') {
    const publicKey = await publicKeyIn(other);
    return publicKey === undefined ? undefined : belongsTo(privateKey as ModelPrivateKey, publicKey);
  }
  const [first, second] = [await publicKeyIn(object), await publicKeyIn(candidate)];
  return first === undefined || second === undefined ? undefined : first.equals(second);
}

async function prove(object: ModelObject, candidates: readonly ModelObject[]): Promise<Related> {
  const proved: ModelObject[] = [];
  let others = 0;
  let unproved = 0;
  for (const candidate of candidates) {
    const belongs = await belong(object, candidate);
    if (belongs) proved.push(candidate);
    else if (belongs === undefined) unproved += 1;
    else others += 1;
  }
  return { proved, others, unproved };
}

/** Returns true when all certificates have the same value. */
async function areCopies(certificates: readonly ModelObject[]): Promise<boolean> {
  const values = await Promise.all(
    certificates.map(async (each) => (await (each as ModelCertificate).toX509()).fingerprint256),
  );
  return new Set(values).size <= 1;
}

/**
 * Finds the object of a class that belongs to the same key as `object`: among those with the same CKA_ID, then among those with
 * the same CKA_LABEL.
 * @throws ERR_CRYPTOKI_OBJECT_NOT_FOUND; ERR_CRYPTOKI_OBJECT_AMBIGUOUS for several certificates of one key
 */
export async function relatedObject(object: ModelObject, wanted: RelatedClass): Promise<ModelObject> {
  const { session, id, label } = object;
  object.use();
  let [others, unproved] = [0, 0];
  const criteria: (Attributes | undefined)[] = [
    id?.length ? { id } : undefined,
    label ? { label } : undefined,
  ];
  for (const criterion of criteria) {
    if (criterion === undefined) continue;
    const candidates = await findable(session, { class: wanted, ...criterion });
    const related = await prove(object, candidates);
    const [first] = related.proved;
    if (first !== undefined) {
      if (wanted === 'CERTIFICATE' && !(await areCopies(related.proved))) throw ambiguous(object, related);
      return first;
    }
    others += related.others;
    unproved += related.unproved;
  }
  const counts = [
    ...(others === 0 ? [] : [`${others} with its id or label belong to another key`]),
    ...(unproved === 0 ? [] : [`for ${unproved} with its id or label nothing proves that they belong to it`]),
  ];
  const note = counts.length === 0 ? 'nothing has its id or label' : counts.join(', and ');
  throw ownError(
    'ERR_CRYPTOKI_OBJECT_NOT_FOUND',
    `the token has no ${NOUNS[wanted]} that belongs to ${nameOf(object)} (${note})`,
  );
}

function nameOf(object: ModelObject): string {
  const noun = NOUNS[object.class as RelatedClass] ?? 'object';
  return object.label ? `the ${noun} "${object.label}"` : `the ${noun}`;
}

function ambiguous(object: ModelObject, { proved }: Related): Error {
  return ownError(
    'ERR_CRYPTOKI_OBJECT_AMBIGUOUS',
    `${nameOf(object)} has ${proved.length} different certificates; select one with session.certificate(), by label, issuer or serialNumber`,
  );
}

/** A certificate on the token, with its content. */
interface Parsed {
  readonly object: ModelCertificate;
  readonly x509: X509Certificate;
}

/** Parses certificates; those that are not X.509 certificates are left out. */
async function parse(objects: readonly ModelObject[]): Promise<readonly Parsed[]> {
  const parsed: Parsed[] = [];
  for (const object of objects) {
    try {
      parsed.push({
        object: object as ModelCertificate,
        x509: await (object as ModelCertificate).toX509(),
      });
    } catch (error) {
      if (!String((error as NodeJS.ErrnoException).code).startsWith('ERR_OSSL')) throw error;
    }
  }
  return parsed;
}

function keyIn(x509: X509Certificate): KeyObject | undefined {
  try {
    return x509.publicKey;
  } catch {
    return undefined; // an algorithm that this OpenSSL does not have
  }
}

/** Returns the certificate that has issued another one, proved by its signature; one that is valid now comes first. */
function issuerOf({ x509 }: Parsed, candidates: readonly Parsed[]): Parsed | undefined {
  const now = Date.now();
  const issuers = candidates.filter((candidate) => {
    const publicKey = keyIn(candidate.x509);
    return publicKey !== undefined && x509.checkIssued(candidate.x509) && x509.verify(publicKey);
  });
  const isValid = (issuer: Parsed): boolean =>
    Date.parse(issuer.x509.validFrom) <= now && now <= Date.parse(issuer.x509.validTo);
  return issuers.find(isValid) ?? issuers[0];
}

/**
 * Returns a certificate and its issuers on the token, each proved by the signature of the one before. The chain ends with a
 * self-signed certificate, or with one whose issuer is not on the token.
 */
export async function chainOf(certificate: ModelCertificate): Promise<readonly ModelCertificate[]> {
  const [first] = await parse([certificate]);
  if (first === undefined) return [certificate];
  const chain = [first];
  let all: readonly Parsed[] | undefined;
  for (let last = first; chain.length < MAX_CHAIN; ) {
    const { raw, subject, issuer } = last.x509;
    if (subject === issuer && keyIn(last.x509) !== undefined && issuerOf(last, [last]) !== undefined) break;
    all ??= await parse(await findable(certificate.session, { class: 'CERTIFICATE' }));
    const next = issuerOf(
      last,
      all.filter(({ x509 }) => !x509.raw.equals(raw)),
    );
    if (next === undefined || chain.some(({ x509 }) => x509.raw.equals(next.x509.raw))) break;
    chain.push(next);
    last = next;
  }
  return chain.map(({ object }) => object);
}
