// Checks of several copies of the package in one process. Each copy has classes of its own.

const { strictEqual } = require('node:assert');

/** @param {() => unknown} action */
async function failureOf(action) {
  try {
    await action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

/**
 * @param {object} given
 * @param {string} given.softhsm path of SoftHSM2
 * @param {readonly any[]} given.copies the four entry points of each copy
 * @returns {[string, () => Promise<void>][]}
 */
module.exports.checks = ({ softhsm, copies }) => [
  [
    'an error of one copy is a CryptokiError to every other',
    async () => {
      for (const from of copies) {
        const error = await failureOf(() => from.cryptoki.Module.open('/no/such/module.so'));
        for (const to of copies) {
          strictEqual(error.constructor === to.cryptoki.CryptokiError, to === from, 'classes differ');
          strictEqual(error instanceof to.cryptoki.CryptokiError, true, 'instanceof');
          strictEqual(error instanceof to.raw.CryptokiError, true, 'instanceof of cryptoki/raw');
          strictEqual(to.cryptoki.isCode(error, 'ERR_CRYPTOKI_MODULE_NOT_FOUND'), true, 'isCode');
          strictEqual(new Error('other') instanceof to.cryptoki.CryptokiError, false, 'another error');
          strictEqual({ code: error.code } instanceof to.cryptoki.CryptokiError, false, 'another object');
        }
      }
    },
  ],
  [
    'errors of cryptoki/pkcs11js are what they are to every copy',
    async () => {
      for (const from of copies) {
        const native = await failureOf(() => new from.pkcs11js.PKCS11('/no/such/module.so'));
        const returned = new from.pkcs11js.Pkcs11Error('CKR_PIN_INCORRECT', 0xa0, 'C_Login');
        for (const { pkcs11js } of copies) {
          strictEqual(native instanceof pkcs11js.NativeError, true, 'a NativeError');
          strictEqual(native instanceof pkcs11js.Pkcs11Error, false, 'not a Pkcs11Error');
          strictEqual(returned instanceof pkcs11js.Pkcs11Error, true, 'a Pkcs11Error');
          strictEqual(returned instanceof pkcs11js.NativeError, true, 'a NativeError');
        }
      }
    },
  ],
  [
    'a class that extends CryptokiError has no errors but its own',
    async () => {
      for (const from of copies) {
        class Own extends from.cryptoki.CryptokiError {}
        const own = new Own({ code: 'ERR_CRYPTOKI_URI' });
        for (const { cryptoki } of copies) {
          strictEqual(own instanceof cryptoki.CryptokiError, true);
          strictEqual(new cryptoki.CryptokiError({ code: 'ERR_CRYPTOKI_URI' }) instanceof Own, false);
        }
        strictEqual(own instanceof Own, true);
      }
    },
  ],
  [
    'each copy gets errors and results of its own realm, side by side',
    async () => {
      const token = await copies[0].testing.createSoftToken({ module: softhsm });
      const modules = [];
      for (const { raw } of copies) modules.push(await raw.load(token.module));
      for (const module of modules) await module.C_Initialize();
      const [slot] = await modules[0].C_GetSlotList(true);
      const sessions = modules.map((module) => module.C_OpenSessionSync(slot, 4));
      // From the last loaded to the first: what belongs to the last must not have replaced what the first has.
      for (const index of copies.keys()) {
        const { raw } = copies[index];
        const error = await failureOf(() =>
          modules[index].C_SignInit(sessions[index], { mechanism: 0x1041 }, 99n),
        );
        strictEqual(error.constructor, raw.CryptokiError, 'the error of a promise');
        const thrown = await failureOf(() =>
          modules[index].C_SignInitSync(sessions[index], { mechanism: 0x1041 }, 99n),
        );
        strictEqual(thrown.constructor, raw.CryptokiError, 'an error that is thrown');
        const results = [
          modules[index].digestSync(sessions[index], { mechanism: raw.CKM.SHA256 }, Buffer.from('abc')),
          await modules[index].digest(sessions[index], { mechanism: raw.CKM.SHA256 }, Buffer.from('abc')),
        ];
        for (const result of results) strictEqual(result.toString('hex').slice(0, 8), 'ba7816bf');
      }
      for (const module of modules) await module.C_Finalize();
      token.remove();
    },
  ],
];
