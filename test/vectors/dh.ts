/** No standard has values for these groups: two random keys must agree on a secret, on the token and in node:crypto. */
import { getDiffieHellman } from 'node:crypto';
import { CKA, CKK, CKM, CKO } from 'cryptoki/raw';
import { expect, test } from 'vitest';
import { takeValue } from './support/keys';
import { onEachModule } from './support/modules';

onEachModule((target) => {
  for (const group of ['modp14', 'modp15']) {
    test(`derives with DH_PKCS_DERIVE: ${group} of RFC 3526, as node:crypto does`, async (context) => {
      await target.run(context, ['DH_PKCS_DERIVE'], async (session) => {
        const [mine, theirs] = [getDiffieHellman(group), getDiffieHellman(group)];
        mine.generateKeys();
        theirs.generateKeys();
        const key = await session.createObject({
          ...{ class: 'PRIVATE_KEY', keyType: 'DH', derive: true, id: Buffer.from('dh') },
          ...{ prime: mine.getPrime(), base: mine.getGenerator(), value: mine.getPrivateKey() },
        });
        const secret = mine.computeSecret(theirs.getPublicKey());
        const { raw } = session.token.slot.module;
        const mechanism = { mechanism: CKM.DH_PKCS_DERIVE, parameter: theirs.getPublicKey() };
        const derived = await raw.C_DeriveKey(session.handle, mechanism, key.handle, [
          { type: CKA.CLASS, value: CKO.SECRET_KEY },
          { type: CKA.KEY_TYPE, value: CKK.GENERIC_SECRET },
          { type: CKA.VALUE_LEN, value: secret.length },
          { type: CKA.SENSITIVE, value: false },
          { type: CKA.EXTRACTABLE, value: true },
        ]);
        expect(await takeValue(session, derived)).toBe(secret.toString('hex'));
        await key.destroy();
      });
    });
  }
});
