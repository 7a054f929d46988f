/** Key derivation and Finished messages of SSL 3.0 and TLS before 1.3. */
import type { MechanismName, SecretKey, Session } from 'cryptoki';
import { CKA, CKK, CKM, CKO } from 'cryptoki/raw';
import { describe, expect, test } from 'vitest';
import { SSL3, TLS10, TLS12_SHA256, TLS12_SHA384, type TlsVector } from './data/tls';
import { flip, text } from './support/bytes';
import { mechanismNumber, secretKey, takeValue } from './support/keys';
import { onEachModule, type Target } from './support/modules';
import { NSS, type NssMechanism } from './support/nss';
import type { Prf } from './support/tls';

const VECTORS = [SSL3, TLS10, TLS12_SHA256, TLS12_SHA384];

const extractable = [
  { type: CKA.SENSITIVE, value: false },
  { type: CKA.EXTRACTABLE, value: true },
];
const secret = [
  { type: CKA.CLASS, value: CKO.SECRET_KEY },
  { type: CKA.KEY_TYPE, value: CKK.GENERIC_SECRET },
  ...extractable,
];

/** A mechanism, its name and its structure; NSS has a second one of each for TLS 1.2, from before the standard defined it. */
interface Variant {
  readonly mechanism: MechanismName;
  readonly name: string;
  readonly structure: string;
}
const standard = (mechanism: keyof typeof CKM, structure: string): Variant => ({
  ...{ mechanism, name: mechanism, structure },
});
const own = (name: NssMechanism, structure: string): Variant => ({
  ...{ mechanism: NSS[name], name: `CKM_NSS_${name}`, structure },
});

const hashOf = ({ hash }: TlsVector): object => (hash === undefined ? {} : { prfHashMechanism: CKM[hash] });

const OLD = 'CK_SSL3_MASTER_KEY_DERIVE_PARAMS';
const NEW = 'CK_TLS12_MASTER_KEY_DERIVE_PARAMS';
/** The mechanisms for Diffie-Hellman return no version, because only an RSA secret contains one. */
const MASTERS: readonly (readonly [Variant, TlsVector, 'version' | 'none'])[] = [
  [standard('SSL3_MASTER_KEY_DERIVE', OLD), SSL3, 'version'],
  [standard('SSL3_MASTER_KEY_DERIVE_DH', OLD), SSL3, 'none'],
  [standard('TLS_MASTER_KEY_DERIVE', OLD), TLS10, 'version'],
  [standard('TLS_MASTER_KEY_DERIVE_DH', OLD), TLS10, 'none'],
  [own('TLS_MASTER_KEY_DERIVE_SHA256', OLD), TLS12_SHA256, 'version'],
  [own('TLS_MASTER_KEY_DERIVE_DH_SHA256', OLD), TLS12_SHA256, 'none'],
  ...[TLS12_SHA256, TLS12_SHA384].flatMap((vector) => [
    [standard('TLS12_MASTER_KEY_DERIVE', NEW), vector, 'version'] as const,
    [standard('TLS12_MASTER_KEY_DERIVE_DH', NEW), vector, 'none'] as const,
  ]),
];

const OLD_BLOCK = 'CK_SSL3_KEY_MAT_PARAMS';
const NEW_BLOCK = 'CK_TLS12_KEY_MAT_PARAMS';
const BLOCKS: readonly (readonly [Variant, TlsVector])[] = [
  [standard('SSL3_KEY_AND_MAC_DERIVE', OLD_BLOCK), SSL3],
  [standard('TLS_KEY_AND_MAC_DERIVE', OLD_BLOCK), TLS10],
  [own('TLS_KEY_AND_MAC_DERIVE_SHA256', OLD_BLOCK), TLS12_SHA256],
  [standard('TLS12_KEY_AND_MAC_DERIVE', NEW_BLOCK), TLS12_SHA256],
  [standard('TLS12_KEY_AND_MAC_DERIVE', NEW_BLOCK), TLS12_SHA384],
];

/** RFC 7627, 4; no standard has an example. */
const EXTENDED = 'CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS';
const EXTENDED_MASTERS: readonly (readonly [Variant, 'version' | 'none'])[] = [
  [standard('TLS12_EXTENDED_MASTER_KEY_DERIVE', EXTENDED), 'version'],
  [standard('TLS12_EXTENDED_MASTER_KEY_DERIVE_DH', EXTENDED), 'none'],
  [own('TLS_EXTENDED_MASTER_KEY_DERIVE', EXTENDED), 'version'],
  [own('TLS_EXTENDED_MASTER_KEY_DERIVE_DH', EXTENDED), 'none'],
];

const versionOf = (kind: 'version' | 'none'): { version?: { major: number; minor: number } } =>
  kind === 'version' ? { version: { major: 0, minor: 0 } } : {};

async function derived(
  session: Session,
  { mechanism }: Variant,
  parameter: object,
  base: Buffer,
): Promise<string> {
  const key = await secretKey(session, 'GENERIC_SECRET', base, ['derive']);
  const { raw } = session.token.slot.module;
  const how = { mechanism: mechanismNumber(mechanism), parameter };
  const made = await raw.C_DeriveKey(session.handle, how, key.handle, secret);
  await key.destroy();
  return takeValue(session, made);
}

/** Output fields of CK_SSL3_KEY_MAT_OUT. */
interface KeyMaterial {
  clientMacSecret: bigint;
  serverMacSecret: bigint;
  clientKey: bigint;
  serverKey: bigint;
  ivClient: Buffer;
  ivServer: Buffer;
}

/** Two MAC keys, two AES keys and two IVs, in the order of the key block. */
async function keyBlock(
  session: Session,
  { mechanism, structure }: Variant,
  vector: TlsVector,
): Promise<string> {
  const { masterSecret, clientRandom, serverRandom } = vector;
  const returnedKeyMaterial = {} as KeyMaterial;
  const parameter = {
    ...{ structure, macSizeInBits: 160, keySizeInBits: 128, ivSizeInBits: 128, isExport: false },
    ...{ randomInfo: { clientRandom, serverRandom }, returnedKeyMaterial },
    ...(structure === NEW_BLOCK ? hashOf(vector) : {}),
  };
  const key = await secretKey(session, 'GENERIC_SECRET', masterSecret, ['derive']);
  const { raw } = session.token.slot.module;
  const how = { mechanism: mechanismNumber(mechanism), parameter };
  await raw.C_DeriveKey(session.handle, how, key.handle, [
    { type: CKA.CLASS, value: CKO.SECRET_KEY },
    { type: CKA.KEY_TYPE, value: CKK.AES },
    { type: CKA.VALUE_LEN, value: 16 },
    ...extractable,
  ]);
  await key.destroy();
  const { clientMacSecret, serverMacSecret, clientKey, serverKey, ivClient, ivServer } = returnedKeyMaterial;
  const parts: string[] = [];
  for (const handle of [clientMacSecret, serverMacSecret, clientKey, serverKey])
    parts.push(await takeValue(session, handle));
  return parts.join('') + ivClient.toString('hex') + ivServer.toString('hex');
}

/** CK_TLS_MAC_PARAMS: the side whose Finished message it is. */
const [SERVER, CLIENT] = [1, 2];
const FINISHED = [
  { name: 'TLS 1.0', prfHashMechanism: CKM.TLS_PRF, prf: TLS10.prf },
  { name: 'TLS 1.2 with SHA-256', prfHashMechanism: CKM.SHA256, prf: TLS12_SHA256.prf },
  { name: 'TLS 1.2 with SHA-384', prfHashMechanism: CKM.SHA384, prf: TLS12_SHA384.prf },
].flatMap((version) => [
  { ...version, name: `${version.name}, client`, label: 'client finished', serverOrClient: CLIENT },
  { ...version, name: `${version.name}, server`, label: 'server finished', serverOrClient: SERVER },
]);

/** NSS signs with the functions themselves: the message consists of label and seed. */
const GENERAL: readonly (readonly [NssMechanism, Prf])[] = [
  ['TLS_PRF_GENERAL', TLS10.prf],
  ['TLS_PRF_GENERAL_SHA256', TLS12_SHA256.prf],
];

describe('node:crypto agrees with', () => {
  for (const vector of VECTORS) {
    const { source, prf, preMasterSecret, masterSecret } = vector;
    test(`TLS: ${source}`, () => {
      const hellos = Buffer.concat([vector.clientHelloRandom, vector.serverHelloRandom]);
      const master = prf(preMasterSecret, 'master secret', hellos, 48);
      expect(master.toString('hex')).toBe(masterSecret.toString('hex'));
      const randoms = Buffer.concat([vector.serverRandom, vector.clientRandom]);
      const block = prf(masterSecret, 'key expansion', randoms, vector.keyBlock.length);
      expect(block.toString('hex')).toBe(vector.keyBlock.toString('hex'));
    });
  }
});

onEachModule((target: Target) => {
  for (const [variant, vector, kind] of MASTERS) {
    test(`derives with ${variant.name}: ${vector.source}`, async (context) => {
      await target.run(context, [variant.mechanism], async (session) => {
        const [clientRandom, serverRandom] = [vector.clientHelloRandom, vector.serverHelloRandom];
        const parameter = {
          ...{ structure: variant.structure, randomInfo: { clientRandom, serverRandom } },
          ...{ ...versionOf(kind), ...hashOf(variant.structure === NEW ? vector : SSL3) },
        };
        const made = await derived(session, variant, parameter, vector.preMasterSecret);
        expect(made).toBe(vector.masterSecret.toString('hex'));
      });
    });
  }

  for (const [variant, vector] of MASTERS.filter(([, , kind]) => kind === 'version')) {
    test(`reports the version with ${variant.name}: ${vector.source}`, async (context) => {
      await target.run(context, [variant.mechanism], async (session) => {
        const [clientRandom, serverRandom] = [vector.clientHelloRandom, vector.serverHelloRandom];
        const version = { major: 0, minor: 0 };
        const parameter = {
          ...{ structure: variant.structure, randomInfo: { clientRandom, serverRandom }, version },
          ...hashOf(variant.structure === NEW ? vector : SSL3),
        };
        await derived(session, variant, parameter, vector.preMasterSecret);
        // The version is the start of the secret.
        const [major, minor] = vector.preMasterSecret;
        expect(parameter.version).toEqual({ major, minor });
      });
    });
  }

  for (const [variant, vector] of BLOCKS) {
    test(`derives with ${variant.name}: ${vector.source}`, async (context) => {
      await target.run(context, [variant.mechanism], async (session) => {
        expect(await keyBlock(session, variant, vector)).toBe(vector.keyBlock.toString('hex').slice(0, 208));
      });
    });
  }

  for (const [variant, kind] of EXTENDED_MASTERS) {
    test(`derives with ${variant.name}: RFC 7627, 4, as node:crypto does`, async (context) => {
      await target.run(context, [variant.mechanism], async (session) => {
        const { structure } = variant;
        const { preMasterSecret, prf, clientHelloRandom: sessionHash } = TLS12_SHA256;
        const parameter = { structure, sessionHash, ...versionOf(kind), ...hashOf(TLS12_SHA256) };
        const wanted = prf(preMasterSecret, 'extended master secret', sessionHash, 48);
        expect(await derived(session, variant, parameter, preMasterSecret)).toBe(wanted.toString('hex'));
      });
    });
  }

  const masterKey = (session: Session): Promise<SecretKey> =>
    secretKey(session, 'GENERIC_SECRET', TLS12_SHA256.masterSecret, ['sign', 'verify']);

  for (const { name, prfHashMechanism, prf, label, serverOrClient } of FINISHED) {
    const how = {
      mechanism: 'TLS_MAC',
      parameter: { prfHashMechanism, macLength: 12, serverOrClient },
    } as const;
    const handshake = TLS12_SHA256.clientHelloRandom;
    const wanted = prf(TLS12_SHA256.masterSecret, label, handshake, 12);

    test(`makes TLS_MAC of ${name}, as node:crypto does`, async (context) => {
      await target.run(context, ['TLS_MAC'], async (session) => {
        const key = await masterKey(session);
        expect((await key.sign(how, handshake)).toString('hex')).toBe(wanted.toString('hex'));
        await key.destroy();
      });
    });

    test(`verifies TLS_MAC of ${name}, as node:crypto makes it`, async (context) => {
      await target.run(context, ['TLS_MAC'], async (session) => {
        const key = await masterKey(session);
        expect(await key.verify(how, handshake, wanted)).toBe(true);
        await target.expectWrong(key.verify(how, handshake, flip(wanted)));
        await key.destroy();
      });
    });
  }

  for (const [own, prf] of GENERAL) {
    test(`verifies CKM_NSS_${own} as node:crypto makes it`, async (context) => {
      await target.run(context, [NSS[own]], async (session) => {
        const seed = TLS12_SHA256.clientHelloRandom;
        const input = Buffer.concat([text('test label'), seed]);
        const wanted = prf(TLS12_SHA256.masterSecret, 'test label', seed, 100);
        const key = await masterKey(session);
        const how = { mechanism: NSS[own] };
        expect(await key.verify(how, input, wanted)).toBe(true);
        await target.expectWrong(key.verify(how, input, flip(wanted, 99)));
        await key.destroy();
      });
    });
  }
});
