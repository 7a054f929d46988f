import { connect, type SecretKey, type Session } from 'cryptoki';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventsOf } from '../../support/faulty-client';
import { openNss, whyNoNss } from '../../support/nss';
import { failure, openToken } from '../../support/open';

interface Opened {
  readonly session: Session;
  close(): Promise<void>;
}
const MODULES: [string, string | undefined, () => Promise<Opened>][] = [
  ['SoftHSM2', undefined, () => openToken()],
  [`NSS${whyNoNss === undefined ? '' : ` (${whyNoNss})`}`, whyNoNss, () => openNss()],
];
const IV = Buffer.alloc(16, 3);
const NOTHING = Buffer.alloc(0);

for (const [name, why, open] of MODULES) {
  describe.skipIf(why !== undefined)(`an empty ciphertext, with ${name}`, () => {
    let opened: Opened;
    let key: SecretKey;
    beforeAll(async () => {
      opened = await open();
      key = await opened.session.generateKey('AES');
    });
    afterAll(() => opened.close());

    /** All ways to decrypt nothing. */
    const ways = (algorithm: Parameters<SecretKey['decrypt']>[0]): [string, () => Promise<Buffer>][] => [
      ['decrypt()', () => key.decrypt(algorithm, NOTHING)],
      ['decryptSync()', async () => key.decryptSync(algorithm, NOTHING)],
      ['decryptMany()', async () => (await key.decryptMany(algorithm, [NOTHING])).at(0)],
      [
        'createDecrypt()',
        async () => {
          const stream = key.createDecrypt(algorithm);
          stream.end();
          return Buffer.concat(await stream.toArray());
        },
      ],
    ];

    test.each<[string, Parameters<SecretKey['decrypt']>[0]]>([
      ['AES-CBC', { name: 'AES-CBC', iv: IV }],
      ['CKM_AES_CBC_PAD', { mechanism: 'AES_CBC_PAD', parameter: IV }],
    ])('of %s, which pads, is refused', async (_, algorithm) => {
      for (const [, decrypt] of ways(algorithm)) {
        expect(await failure(decrypt())).toMatchObject({
          code: 'CKR_ENCRYPTED_DATA_LEN_RANGE',
          action: 'fatal',
        });
      }
      expect(await key.decrypt(algorithm, await key.encrypt(algorithm, NOTHING))).toEqual(NOTHING);
      expect(opened.session.closed).toBe(false);
    });

    test.each<[string, Parameters<SecretKey['decrypt']>[0]]>([
      ['CKM_AES_CBC', { mechanism: 'AES_CBC', parameter: IV }],
      ['CKM_AES_ECB', { mechanism: 'AES_ECB' }],
      ['AES-CTR', { name: 'AES-CTR', counter: IV }],
    ])('of %s, which does not pad, is an empty plaintext', async (_, algorithm) => {
      for (const [way, decrypt] of ways(algorithm)) expect([way, await decrypt()]).toEqual([way, NOTHING]);
    });

    test('in a batch is the only one that fails', async () => {
      const algorithm = { name: 'AES-CBC', iv: IV };
      const sealed = (await key.encryptMany(algorithm, [Buffer.from('a'), Buffer.from('b')])).toArray();
      const results = await key.decryptMany(algorithm, [sealed[0] as Buffer, NOTHING, sealed[1] as Buffer]);
      expect([...results.failures.keys()]).toEqual([1]);
      expect([results.at(0), results.at(2)].map(String)).toEqual(['a', 'b']);
    });
  });
}

test('an empty ciphertext does not cause a recovery of a client', async () => {
  const opened = await openToken();
  await using client = await connect(
    { module: opened.test.module, token: { label: 'test' } },
    { pin: opened.test.pin },
  );
  const events = eventsOf(client);
  const key = await client.generateKey('AES', { token: true, label: 'aes' });
  const algorithm = { name: 'AES-CBC', iv: IV };
  expect(await failure(key.decrypt(algorithm, NOTHING))).toMatchObject({
    code: 'CKR_ENCRYPTED_DATA_LEN_RANGE',
  });
  expect((await key.decryptMany(algorithm, [NOTHING])).failures.get(0)).toMatchObject({
    code: 'CKR_ENCRYPTED_DATA_LEN_RANGE',
  });
  expect(events.filter((event) => event.startsWith('recover'))).toEqual([]);
  await opened.close();
});
