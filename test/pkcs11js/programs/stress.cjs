// Repeats a dangerous action a thousand times: node --expose-gc stress.cjs SCENARIO MODULE, with PIN in the environment.
// Prints the results as JSON. After a crash the process has ended with a signal and has printed nothing.

const assert = require('node:assert/strict');
const { createHash } = require('node:crypto');
const pkcs11js = require('cryptoki/pkcs11js');

const [, , scenario, library] = process.argv;
const TIMES = 1000;
const SHA256 = { mechanism: pkcs11js.CKM_SHA256 };
const AES = { mechanism: pkcs11js.CKM_AES_KEY_GEN };
const EC = { mechanism: pkcs11js.CKM_EC_KEY_PAIR_GEN };
const RW = pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION;
const CURVE = [{ type: pkcs11js.CKA_EC_PARAMS, value: Buffer.from('06082a8648ce3d030107', 'hex') }];
const KEY = [{ type: pkcs11js.CKA_VALUE_LEN, value: 16 }];

const digestOf = (data) => createHash('sha256').update(data).digest('hex');
const megabytes = () => process.memoryUsage().rss / 2 ** 20;

function load() {
  const pkcs11 = new pkcs11js.PKCS11(library);
  pkcs11.C_Initialize();
  return pkcs11;
}

function openSession(pkcs11) {
  return pkcs11.C_OpenSession(pkcs11.C_GetSlotList(true)[0], RW);
}

function login(pkcs11) {
  const session = openSession(pkcs11);
  pkcs11.C_Login(session, pkcs11js.CKU_USER, process.env.PIN);
  return session;
}

/** The result of a promise: 'ok', or the name of the error. */
const outcome = (promise) =>
  promise.then(
    () => 'ok',
    (error) => error.message,
  );

function count(outcomes) {
  const counts = {};
  for (const one of outcomes) counts[one] = (counts[one] ?? 0) + 1;
  return counts;
}

const SCENARIOS = {
  /** The program drops input and output while the call runs. */
  async 'collected buffers'() {
    const pkcs11 = load();
    const sessions = Array.from({ length: 4 }, () => openSession(pkcs11));
    const SIZE = 2 ** 20;
    const wanted = Array.from({ length: 4 }, (_, fill) => digestOf(Buffer.alloc(SIZE, fill)));
    let right = 0;
    for (let round = 0; round < TIMES / 4; round += 1) {
      const begun = sessions.map((session, fill) => {
        pkcs11.C_DigestInit(session, SHA256);
        return new Promise((resolve) => {
          pkcs11.C_Digest(session, Buffer.alloc(SIZE, fill), Buffer.alloc(32), (error, result) => {
            resolve(error ?? result.toString('hex') === wanted[fill]);
          });
        });
      });
      gc();
      // Allocations that would overwrite freed memory.
      for (let others = 0; others < 8; others += 1) Buffer.alloc(SIZE, 0xee);
      for (const result of await Promise.all(begun)) right += result === true ? 1 : 0;
    }
    return { right };
  },

  /** The program drops the PKCS11 object while its call runs. */
  async 'collected objects'() {
    const begin = () => {
      const pkcs11 = new pkcs11js.PKCS11(library);
      try {
        pkcs11.C_Initialize();
      } catch (error) {
        assert.match(error.message, /CKR_CRYPTOKI_ALREADY_INITIALIZED/);
      }
      pkcs11.C_CloseAllSessions(pkcs11.C_GetSlotList(true)[0]);
      const session = openSession(pkcs11);
      pkcs11.C_DigestInit(session, SHA256);
      return new Promise((resolve) => {
        pkcs11.C_Digest(session, Buffer.alloc(200_000), Buffer.alloc(32), (error, digest) => {
          resolve(error?.message ?? digest.toString('hex') === digestOf(Buffer.alloc(200_000)));
        });
      });
    };
    const results = [];
    for (let round = 0; round < TIMES; round += 1) {
      const begun = begin();
      if (round % 4 === 0) gc();
      results.push(await begun);
    }
    return count(results);
  },

  /** C_Finalize and close while calls run. */
  async 'finalised during calls'() {
    const results = [];
    for (let round = 0; round < TIMES; round += 1) {
      const pkcs11 = load();
      const sessions = [openSession(pkcs11), openSession(pkcs11)];
      const begun = sessions.map((session) => {
        pkcs11.C_DigestInit(session, SHA256);
        return outcome(pkcs11.C_DigestAsync(session, Buffer.alloc(100_000), Buffer.alloc(32)));
      });
      if (round % 2 === 0) pkcs11.C_Finalize();
      pkcs11.close();
      assert.throws(() => pkcs11.C_GetInfo(), /not loaded/);
      results.push(...(await Promise.all(begun)));
    }
    return count(results);
  },

  /** Sessions are closed while calls run on them. */
  async 'closed during calls'() {
    const pkcs11 = load();
    login(pkcs11);
    const results = [];
    for (let round = 0; round < TIMES; round += 1) {
      const session = openSession(pkcs11);
      const begun = [
        outcome(pkcs11.C_GenerateKeyAsync(session, AES, KEY)),
        outcome(pkcs11.C_GenerateKeyPairAsync(session, EC, CURVE, [])),
      ];
      pkcs11.C_CloseSession(session);
      assert.throws(() => pkcs11.C_GetSessionInfo(session), { message: 'CKR_SESSION_HANDLE_INVALID' });
      results.push(...(await Promise.all(begun)));
    }
    return count(results);
  },

  /** Several sessions sign and generate keys at the same time, on a module that is initialised without flags. */
  async 'parallel sessions'() {
    const pkcs11 = load();
    const { privateKey, publicKey } = pkcs11.C_GenerateKeyPair(login(pkcs11), EC, CURVE, [
      { type: pkcs11js.CKA_SIGN, value: true },
    ]);
    const ECDSA = { mechanism: pkcs11js.CKM_ECDSA };
    const work = async (_, worker) => {
      const session = openSession(pkcs11);
      for (let round = 0; round < TIMES / 4; round += 1) {
        if (worker % 2 === 0) {
          pkcs11.C_DestroyObject(session, await pkcs11.C_GenerateKeyAsync(session, AES, KEY));
          pkcs11.C_FindObjectsInit(session, []);
          pkcs11.C_FindObjects(session, 100);
          pkcs11.C_FindObjectsFinal(session);
        }
        pkcs11.C_SignInit(session, ECDSA, privateKey);
        const signature = await pkcs11.C_SignAsync(session, Buffer.alloc(32, round), Buffer.alloc(64));
        pkcs11.C_VerifyInit(session, ECDSA, publicKey);
        assert.equal(pkcs11.C_Verify(session, Buffer.alloc(32, round), signature), true);
      }
    };
    await Promise.all(Array.from({ length: 8 }, work));
    return { ok: TIMES * 2 };
  },

  /** Arguments with an error deep inside. */
  async 'wrong arguments'() {
    const pkcs11 = load();
    const session = login(pkcs11);
    const label = { type: pkcs11js.CKA_LABEL };
    const calls = [
      () => pkcs11.C_DigestInit(session, { mechanism: 'x' }),
      () => pkcs11.C_DigestInit(session, { mechanism: 1, parameter: { type: 1, iv: {} } }),
      () => pkcs11.C_FindObjectsInit(session, [{ ...label, value: {} }, label, label]),
      () => pkcs11.C_GenerateKey(session, AES, [...KEY, { ...label, value: [1] }]),
      () => pkcs11.C_GenerateKey(session, AES, [{ ...label, value: new Date() }]),
      () => pkcs11.C_GenerateKey(session, { mechanism: 1, parameter: { type: 14 } }, []),
      () => pkcs11.C_GenerateKey(session, AES, [null]),
      () => pkcs11.C_FindObjects(session, 4294967295),
      () => pkcs11.C_GetAttributeValue(session, session, [{ type: 1n }, {}]),
      () => pkcs11.C_SetOperationState(session, session, Buffer.alloc(8), {}),
      () => pkcs11.C_GenerateRandom(session, new ArrayBuffer(8)),
      () => pkcs11.C_Login(session, 1, { length: 1e9 }),
      () => pkcs11.C_Digest(session, new Proxy(Buffer.alloc(8), {}), Buffer.alloc(32)),
      () => new pkcs11js.PKCS11(12),
    ];
    let refused = 0;
    for (let round = 0; round < TIMES; round += 1) {
      for (const call of calls) {
        assert.throws(call, /TypeError|CKR_OPERATION_NOT_INITIALIZED/);
        refused += 1;
      }
    }
    pkcs11.C_GetSessionInfo(session);
    return { refused };
  },

  /** Buffers that change, are detached or freed while a call runs. */
  async 'detached buffers'() {
    const pkcs11 = load();
    const session = openSession(pkcs11);
    const results = [];
    for (let round = 0; round < TIMES; round += 1) {
      pkcs11.C_DigestInit(session, SHA256);
      const input = new Uint8Array(new ArrayBuffer(100_000));
      const output = new Uint8Array(new ArrayBuffer(32));
      const begun = pkcs11.C_DigestAsync(session, input, round % 2 === 0 ? output : Buffer.alloc(32));
      structuredClone(null, { transfer: [input.buffer, output.buffer] });
      results.push(
        await outcome(
          begun.then((digest) => assert.equal(digest.toString('hex'), digestOf(Buffer.alloc(100_000)))),
        ),
      );
    }
    return count(results);
  },

  /** A library that is not a PKCS#11 module. */
  async 'no module'() {
    let refused = 0;
    for (let round = 0; round < TIMES; round += 1) {
      const pkcs11 = new pkcs11js.PKCS11();
      assert.throws(() => pkcs11.load(process.env.NO_MODULE), { name: 'NativeError' });
      assert.throws(() => pkcs11.C_Initialize(), /not loaded/);
      pkcs11.close();
      refused += 1;
    }
    return { refused };
  },

  /** Large attributes, written and read: their memory must be freed. */
  async 'large attributes'() {
    const pkcs11 = load();
    const session = login(pkcs11);
    const label = { type: pkcs11js.CKA_LABEL, value: Buffer.alloc(2 ** 18, 'x') };
    const again = [{ type: pkcs11js.CKA_LABEL }];
    const one = async () => {
      const key = await pkcs11.C_GenerateKeyAsync(session, AES, [...KEY, label]);
      again[0].value = undefined;
      for (let repeat = 0; repeat < 2; repeat += 1) {
        assert.equal(pkcs11.C_GetAttributeValue(session, key, again)[0].value.length, 2 ** 18);
      }
      pkcs11.C_DestroyObject(session, key);
    };
    for (let warm = 0; warm < 50; warm += 1) await one();
    gc();
    const before = megabytes();
    for (let round = 0; round < TIMES; round += 1) {
      await one();
      if (round % 50 === 0) gc();
    }
    gc();
    return { grownByLessThan100: megabytes() - before < 100 };
  },

  /** Worker threads that use the module and are terminated at any time. */
  async workers() {
    const { Worker } = require('node:worker_threads');
    const pkcs11 = load();
    const session = openSession(pkcs11);
    let ended = 0;
    const code = `
      const pkcs11js = require(${JSON.stringify(require.resolve('cryptoki/pkcs11js'))});
      const { parentPort, workerData } = require('node:worker_threads');
      const pkcs11 = new pkcs11js.PKCS11(workerData);
      pkcs11.C_Initialize();
      const session = pkcs11.C_OpenSession(pkcs11.C_GetSlotList(true)[0], 6);
      pkcs11.C_DigestInit(session, { mechanism: ${pkcs11js.CKM_SHA256} });
      pkcs11.C_DigestAsync(session, Buffer.alloc(1_000_000), Buffer.alloc(32));
      parentPort.postMessage('begun');`;
    for (let round = 0; round < TIMES / 40; round += 1) {
      await Promise.all(
        Array.from({ length: 4 }, async () => {
          const worker = new Worker(code, { eval: true, workerData: library });
          await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
          await worker.terminate();
          ended += 1;
        }),
      );
    }
    pkcs11.C_DigestInit(session, SHA256);
    const digest = pkcs11.C_Digest(session, Buffer.alloc(3), Buffer.alloc(32)).toString('hex');
    return { ended, still: digest === digestOf(Buffer.alloc(3)) };
  },
};

SCENARIOS[scenario]().then((result) => console.log(JSON.stringify(result)));
