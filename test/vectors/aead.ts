import { expect, test } from 'vitest';
import { failure } from '../support/open';
import { AEAD } from './data/aead';
import { flip } from './support/bytes';
import { testCiphers } from './support/ciphers';
import { secretKey } from './support/keys';
import { onEachModule } from './support/modules';

testCiphers(AEAD);

onEachModule((target) => {
  for (const { mechanism, source, parameter, keyType, key: value, plain, encrypted } of AEAD) {
    test(`a changed tag is refused: ${mechanism}: ${source}`, async (context) => {
      await target.run(context, [mechanism], async (session) => {
        const key = await secretKey(session, keyType, value, ['encrypt', 'decrypt']);
        const how = { mechanism, parameter };
        const error = await failure(key.decrypt(how, flip(encrypted, encrypted.length - 1)));
        expect(error.code).toMatch(/^CKR_/);
        expect(await key.decrypt(how, encrypted)).toEqual(plain);
        await key.destroy();
      });
    });
  }
});
