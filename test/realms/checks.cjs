// Checks of every entry point of the package, for realms of JavaScript other than Node's own: jest, vitest's vm pools and
// node:vm run this file and the package inside of a realm of theirs. So it stands by itself: CommonJS, no assertion library.

const { createHash, verify: nodeVerify } = require('node:crypto');
const { channel } = require('node:diagnostics_channel');
const { once } = require('node:events');

/** @param {unknown} condition @param {string} statement */
function ensure(condition, statement) {
  if (!condition) throw new Error(`not true: ${statement}`);
}

/** @param {() => unknown} action */
async function failureOf(action) {
  try {
    await action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

const text = 'a message of this realm';
/** The message as each kind of bytes. */
const kinds = () => {
  const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  return {
    Uint8Array: bytes,
    ArrayBuffer: bytes.buffer,
    DataView: new DataView(bytes.buffer),
    Buffer: Buffer.from(text),
  };
};
const digest = createHash('sha256').update(text).digest('hex');
/** @param {Uint8Array} bytes */
const hex = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');

/**
 * The checks, in order; each may use what those before it have left in `state`.
 * @param {object} given
 * @param {any} given.cryptoki the four entry points
 * @param {any} given.raw
 * @param {any} given.testing
 * @param {any} given.pkcs11js
 * @param {string} given.softhsm path of SoftHSM2
 * @param {boolean} given.isOwn whether the package was loaded in the realm of this file
 * @param {symbol} [given.mainSymbol] Symbol.asyncDispose of the realm that loaded the package, when that is another one
 * @returns {[string, () => Promise<void>][]}
 */
module.exports.checks = ({ cryptoki, raw, testing, pkcs11js, softhsm, isOwn, mainSymbol }) => {
  /** @type {any} */
  const state = {};
  // As compilers look for it where the realm lacks it.
  const asyncDispose = (isOwn ? Symbol.asyncDispose : mainSymbol) ?? Symbol.for('Symbol.asyncDispose');
  const { CKA, CKC, CKF, CKM, CKO, CKU } = raw;

  return [
    [
      'cryptoki/testing makes a token and a fault module',
      async () => {
        state.token = await testing.createSoftToken({ module: softhsm, label: 'realm' });
        const { module, environment } = state.token;
        state.fault = await testing.FaultModule.create({ module, environment, copyModule: true });
      },
    ],
    [
      'cryptoki/raw takes bytes of every kind, asynchronously and synchronously',
      async () => {
        const module = await raw.load(state.token.module);
        await module.C_Initialize();
        const [slot] = await module.C_GetSlotList(true);
        state.raw = module;
        state.slot = slot;
        state.session = await module.C_OpenSession(slot, CKF.SERIAL_SESSION | CKF.RW_SESSION);
        await module.C_Login(state.session, CKU.USER, state.token.pin);
        const mechanism = { mechanism: CKM.SHA256 };
        for (const [kind, bytes] of Object.entries(kinds())) {
          ensure(hex(await module.digest(state.session, mechanism, bytes)) === digest, `digest of a ${kind}`);
          ensure(
            hex(module.digestSync(state.session, mechanism, bytes)) === digest,
            `digestSync of a ${kind}`,
          );
        }
        const offsets = new Uint32Array([0, text.length]);
        const many = await module.digestMany(state.session, mechanism, kinds().ArrayBuffer, offsets);
        ensure(hex(many.data) === digest, 'digestMany');
      },
    ],
    [
      'cryptoki/raw takes templates and mechanisms with parameters',
      async () => {
        const { raw: module, session } = state;
        const key = await module.C_GenerateKey(session, { mechanism: CKM.AES_KEY_GEN }, [
          { type: CKA.VALUE_LEN, value: 16 },
          { type: CKA.TOKEN, value: false },
          { type: CKA.ID, value: new Uint8Array([1, 2]).buffer },
          { type: CKA.ENCRYPT, value: true },
          { type: CKA.DECRYPT, value: true },
        ]);
        const mechanism = { mechanism: CKM.AES_GCM, parameter: { iv: new Uint8Array(12), tagBits: 128 } };
        const data = kinds().ArrayBuffer;
        const ciphertext = module.encryptSync(session, mechanism, key, data);
        ensure(
          hex(await module.encrypt(session, mechanism, key, data)) === hex(ciphertext),
          'one ciphertext',
        );
        ensure(
          hex(await module.decrypt(session, mechanism, key, ciphertext)) === hex(kinds().Buffer),
          'decrypt',
        );
        const certificate = await module.C_CreateObject(session, [
          { type: CKA.CLASS, value: CKO.CERTIFICATE },
          { type: CKA.CERTIFICATE_TYPE, value: CKC.X_509 },
          { type: CKA.SUBJECT, value: new Uint8Array([0x30, 0]) },
          { type: CKA.VALUE, value: new Uint8Array([0x30, 0]).buffer },
          { type: CKA.START_DATE, value: new Date(Date.UTC(2030, 1, 3)) },
          { type: CKA.END_DATE, value: new Date(Date.UTC(2031, 1, 3)) },
        ]);
        const [{ value }] = await module.C_GetAttributeValue(session, certificate, [CKA.START_DATE]);
        ensure(value.toISOString().startsWith('2030-02-03'), 'a date');
        if (isOwn) ensure(value instanceof Date, 'a Date of this realm');
        const template = [{ type: CKA.ID, value: new Uint8Array([1, 2]) }];
        const found = await module.findObjects(session, template, [CKA.CLASS], 0);
        ensure(Array.isArray(found) && found.length === 1, 'one object is found');
      },
    ],
    [
      'errors are those of the package and of the realm',
      async () => {
        const { raw: module, session } = state;
        const returned = await failureOf(() => module.C_Login(session, CKU.USER, 'wrong'));
        ensure(
          returned instanceof raw.CryptokiError && returned instanceof cryptoki.CryptokiError,
          'instanceof',
        );
        ensure(
          raw.isCode(returned, 'CKR_USER_ALREADY_LOGGED_IN', 'CKR_PIN_INCORRECT'),
          `isCode: ${returned}`,
        );
        const thrown = await failureOf(() => module.C_LoginSync(session, CKU.USER, 'wrong'));
        ensure(thrown instanceof raw.CryptokiError && thrown.rv !== undefined, 'instanceof, synchronously');
        for (const action of [
          () => module.C_Login(session, CKU.USER, {}),
          () => module.C_LoginSync(session, CKU.USER, {}),
          () => cryptoki.Module.open(1),
          () => cryptoki.parseUri(1),
        ]) {
          const wrong = await failureOf(action);
          ensure(wrong.code === 'ERR_INVALID_ARG_TYPE', `the code of ${wrong}`);
          if (isOwn) ensure(wrong instanceof TypeError, `a TypeError: ${wrong}`);
        }
        const problem = new Error('of a getter');
        const mechanism = {
          get mechanism() {
            throw problem;
          },
        };
        for (const action of [
          () => module.digest(session, mechanism, kinds().Buffer),
          () => module.digestSync(session, mechanism, kinds().Buffer),
          () => module.C_DigestInit(session, mechanism),
        ]) {
          ensure((await failureOf(action)) === problem, 'the error of a getter is thrown as it is');
        }
      },
    ],
    [
      'calls are traced with their outcome and time',
      async () => {
        /** @type {any[]} */
        const traces = [];
        const listener = (/** @type {unknown} */ trace) => traces.push(trace);
        channel('cryptoki:call').subscribe(listener);
        try {
          await state.raw.C_GetSessionInfo(state.session);
          await failureOf(() => state.raw.C_SignInit(state.session, { mechanism: CKM.ECDSA }, 987654n));
        } finally {
          channel('cryptoki:call').unsubscribe(listener);
        }
        const told = traces.map((trace) => `${trace.function} ${trace.rv === 'CKR_OK'}`);
        ensure(told.join() === 'C_GetSessionInfo true,C_SignInit false', `traces: ${told}`);
        state.raw.C_FinalizeSync();
      },
    ],
    [
      'the model logs in, makes keys, signs and verifies',
      async () => {
        state.module = await cryptoki.Module.open(state.token.module);
        state.modelToken = await state.module.token({ label: 'realm' });
        state.modelSession = await state.modelToken.openSession({ readWrite: true });
        await state.modelSession.login(Uint8Array.from(state.token.pin, (letter) => letter.charCodeAt(0)));
        const id = new Uint8Array([7]);
        const pair = await state.modelSession.generateKeyPair('EC', {
          curve: 'P-256',
          label: 'signer',
          id,
          token: true,
        });
        state.pair = pair;
        const key = await pair.publicKey.toKeyObject();
        for (const [kind, bytes] of Object.entries(kinds())) {
          const signature = await pair.privateKey.sign('ECDSA-SHA256', bytes);
          ensure(await pair.publicKey.verify('ECDSA-SHA256', bytes, signature), `verify of a ${kind}`);
          const options = { key, dsaEncoding: 'ieee-p1363' };
          ensure(nodeVerify('sha256', kinds().Buffer, options, signature), `node:crypto verifies a ${kind}`);
          const other = pair.privateKey.signSync('ECDSA-SHA256', bytes);
          ensure(pair.publicKey.verifySync('ECDSA-SHA256', bytes, other), `verifySync of a ${kind}`);
        }
        const found = await state.modelSession.find({ class: 'PRIVATE_KEY', id: id.buffer });
        ensure(found.length === 1 && found[0] instanceof cryptoki.PrivateKey, 'find');
        const again = await state.modelSession.privateKey({ label: 'signer' });
        ensure(again instanceof cryptoki.PrivateKey, 'the private key is found');
        const missing = await failureOf(() => state.modelSession.privateKey({ label: 'nobody' }));
        ensure(cryptoki.isCode(missing, 'ERR_CRYPTOKI_OBJECT_NOT_FOUND'), `not found: ${missing}`);
        const pem = await pair.privateKey.tlsKey();
        ensure(typeof pem === 'string' && pem.startsWith('-----BEGIN'), 'tlsKey');
      },
    ],
    [
      'batches take arrays and iterables, and keep errors of an iterable',
      async () => {
        const { privateKey, publicKey } = state.pair;
        const messages = Object.values(kinds());
        const signatures = await privateKey.signMany('ECDSA-SHA256', messages);
        const signed = messages.map((message, index) => ({ data: message, signature: signatures.at(index) }));
        ensure([...(await publicKey.verifyMany('ECDSA-SHA256', signed))].every(Boolean), 'verifyMany');
        async function* some() {
          yield* messages;
        }
        let count = 0;
        for await (const _ of privateKey.signMany('ECDSA-SHA256', some())) count += 1;
        ensure(count === messages.length, 'an iterable of messages');
        const problem = new RangeError('of an iterable');
        async function* broken() {
          yield messages[0];
          throw problem;
        }
        const failure = await failureOf(async () => {
          for await (const _ of privateKey.signMany('ECDSA-SHA256', broken()));
        });
        ensure(failure === problem, `the error of an iterable is thrown as it is: ${failure}`);
      },
    ],
    [
      'streams sign, and end with the reason of an AbortSignal',
      async () => {
        const { privateKey, publicKey } = state.pair;
        const sign = privateKey.createSign('ECDSA-SHA256');
        sign.write(kinds().Uint8Array);
        sign.end();
        const signature = await sign.result();
        ensure(
          await publicKey.verify('ECDSA-SHA256', kinds().Buffer, signature),
          'the signature of a stream',
        );
        const controller = new AbortController();
        const stream = privateKey.createSign('ECDSA-SHA256', { signal: controller.signal });
        const reason = new RangeError('a reason of this realm');
        stream.result().catch(() => {});
        const event = once(stream, 'error');
        controller.abort(reason);
        ensure((await event)[0] === reason, 'the reason of the signal is the error of the stream');
      },
    ],
    [
      'everything can be disposed of',
      async () => {
        for (const each of [
          state.module,
          state.modelSession,
          state.token,
          state.fault,
          state.pair.privateKey,
        ]) {
          ensure(
            typeof each[asyncDispose] === 'function',
            `${each.constructor.name} has Symbol.asyncDispose`,
          );
        }
      },
    ],
    [
      'a client signs, recovers, and keeps errors of a PIN provider',
      async () => {
        const { fault, token } = state;
        const target = { module: fault.path, token: { label: 'realm' } };
        const problem = new RangeError('of a PIN provider');
        const refused = await failureOf(() =>
          cryptoki.connect(target, {
            pin: async () => {
              throw problem;
            },
          }),
        );
        ensure(refused === problem || refused.cause === problem, `the error of a PIN provider: ${refused}`);
        const client = await cryptoki.connect(target, { pin: () => token.pin });
        try {
          const key = await client.privateKey({ label: 'signer' });
          const signature = await key.sign('ECDSA-SHA256', kinds().ArrayBuffer);
          fault.plan([{ function: 'C_SignInit', nth: 1, return: 'CKR_SESSION_HANDLE_INVALID' }]);
          const again = await key.sign('ECDSA-SHA256', kinds().DataView);
          for (const each of [signature, again]) {
            ensure(
              await state.pair.publicKey.verify('ECDSA-SHA256', kinds().Buffer, each),
              'a signature of the client',
            );
          }
          ensure(client.statistics().retries > 0, 'the client tried again');
          fault.plan([{ function: 'C_Sign', return: 'CKR_DATA_LEN_RANGE' }]);
          const failure = await failureOf(() => key.sign('ECDSA-SHA256', kinds().Buffer));
          ensure(cryptoki.isCode(failure, 'CKR_DATA_LEN_RANGE'), `isCode: ${failure}`);
          fault.plan([]);
          const controller = new AbortController();
          const reason = new RangeError('a reason of this realm');
          controller.abort(reason);
          const aborted = await failureOf(() =>
            key.sign('ECDSA-SHA256', kinds().Buffer, { signal: controller.signal }),
          );
          ensure(aborted === reason, 'the reason of the signal is thrown as it is');
        } finally {
          await client.close();
        }
      },
    ],
    [
      'cryptoki/pkcs11js works, with its errors',
      async () => {
        const missing = await failureOf(() => new pkcs11js.PKCS11('/no/such/module.so'));
        ensure(
          missing instanceof pkcs11js.NativeError && !missing.message.startsWith('Error'),
          `message: ${missing}`,
        );
        const library = new pkcs11js.PKCS11(state.token.module);
        library.C_Initialize();
        const [slot] = library.C_GetSlotList(true);
        const session = library.C_OpenSession(slot, CKF.SERIAL_SESSION | CKF.RW_SESSION);
        const mechanism = { mechanism: CKM.SHA256, parameter: null };
        library.C_DigestInit(session, mechanism);
        ensure(hex(library.C_Digest(session, kinds().Buffer, Buffer.alloc(32))) === digest, 'C_Digest');
        library.C_DigestInit(session, mechanism);
        ensure(
          hex(await library.C_DigestAsync(session, kinds().Buffer, Buffer.alloc(32))) === digest,
          'C_DigestAsync',
        );
        const object = library.C_CreateObject(session, [
          { type: CKA.CLASS, value: CKO.DATA },
          { type: CKA.VALUE, value: Buffer.from([1, 2]) },
          { type: CKA.LABEL, value: 'data' },
        ]);
        const [{ value }] = library.C_GetAttributeValue(session, object, [{ type: CKA.VALUE }]);
        ensure(hex(value) === '0102', 'C_GetAttributeValue');
        const returned = await failureOf(() =>
          library.C_SignInit(session, { mechanism: CKM.ECDSA }, Buffer.alloc(8)),
        );
        ensure(returned instanceof pkcs11js.Pkcs11Error, `a Pkcs11Error: ${returned}`);
        ensure(returned instanceof pkcs11js.NativeError, `a NativeError: ${returned}`);
        ensure(returned.nativeStack !== '', 'nativeStack');
        const wrong = await failureOf(() => library.C_SignInit(session, 1, Buffer.alloc(8)));
        if (isOwn) ensure(wrong instanceof TypeError, `a TypeError: ${wrong}`);
        library.C_Finalize();
        library.close();
      },
    ],
    [
      'all is let go',
      async () => {
        await state.module.close();
        await state.fault[asyncDispose]();
        await state.token.remove();
      },
    ],
  ];
};
