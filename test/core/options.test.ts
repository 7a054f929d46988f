import {
  type Client,
  type ClientGroup,
  type ClientPrivateKey,
  type ClientPublicKey,
  type ClientSecretKey,
  connect,
  equalUris,
  formatUri,
  type GroupPrivateKey,
  type GroupPublicKey,
  Module,
  matchesUri,
  type PrivateKey,
  type PublicKey,
  parseUri,
  pinFromEnvironment,
  pinFromFile,
  pinFromKeyring,
  pinFromPrompt,
  pinFromUri,
  registerAttribute,
  type SecretKey,
} from 'cryptoki';
import { load, type RawModule } from 'cryptoki/raw';
import { createSoftToken, FaultModule, type FunctionName } from 'cryptoki/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failure, type Opened, openToken, wrong } from '../support/open';

interface Ground extends Opened {
  readonly fault: FaultModule;
  readonly client: Client;
  readonly group: ClientGroup;
  readonly raw: RawModule;
  readonly keys: {
    readonly private: PrivateKey;
    readonly public: PublicKey;
    readonly secret: SecretKey;
    readonly clientPrivate: ClientPrivateKey;
    readonly clientPublic: ClientPublicKey;
    readonly clientSecret: ClientSecretKey;
    readonly groupPrivate: GroupPrivateKey;
    readonly groupPublic: GroupPublicKey;
  };
}

let it: Ground;
const DATA = Buffer.from('data');
const SIGN = 'ECDSA-SHA256';
const CBC = { name: 'AES-CBC', iv: Buffer.alloc(16) };

beforeAll(async () => {
  const opened = await openToken('options');
  const { session, test: token } = opened;
  const pair = await session.generateKeyPair('EC', {
    curve: 'P-256',
    token: true,
    label: 'ec',
    id: Buffer.from('1'),
  });
  const secret = await session.generateKey('AES', { token: true, label: 'aes' });
  const fault = await FaultModule.create({ module: token.module });
  const target = { module: fault.path, token: { label: 'options' } };
  const client = await connect(target, { pin: token.pin });
  const group = await connect([target], { pin: token.pin });
  it = {
    ...opened,
    ...{ fault, client, group, raw: await load(token.module) },
    keys: {
      ...{ private: pair.privateKey, public: pair.publicKey, secret },
      clientPrivate: await client.privateKey({ label: 'ec' }),
      clientPublic: await client.publicKey({ label: 'ec' }),
      clientSecret: await client.secretKey({ label: 'aes' }),
      groupPrivate: await group.privateKey({ label: 'ec' }),
      groupPublic: await group.publicKey({ label: 'ec' }),
    },
  };
});
afterAll(async () => {
  await it.group.close();
  await it.client.close();
  await it.fault[Symbol.asyncDispose]();
  await it.close();
});

/** Each takes what is given in the place of options. */
const FUNCTIONS: Readonly<Record<string, (options: never) => unknown>> = {
  'Module.open': (options) => Module.open(it.test.module, options),
  'module.slots': (options) => it.module.slots(options),
  'module.reinitialise': (options) => it.module.reinitialise(options),
  'module.watch': (options) => it.module.watch(options),
  'token.openSession': (options) => it.token.openSession(options),
  'slot.initToken': (options) => it.token.slot.initToken(options),
  'session.login': (options) => it.session.login(it.test.pin, options),
  'session.setPin': (options) => it.session.setPin('1', '2', options),
  'session.find': (options) => it.session.find({ label: 'ec' }, options),
  'session.generateKeyPair': (options) => it.session.generateKeyPair('EC', options),
  'session.digestMany': (options) => it.session.digestMany('SHA-256', [], options),
  'session.createDigest': (options) => it.session.createDigest('SHA-256', options),
  'privateKey.sign': (options) => it.keys.private.sign(SIGN, DATA, options),
  'privateKey.signSync': (options) => it.keys.private.signSync(SIGN, DATA, options),
  'privateKey.decrypt': (options) => it.keys.private.decrypt('RSA-PKCS1', DATA, options),
  'privateKey.signMany': (options) => it.keys.private.signMany(SIGN, [], options),
  'privateKey.createSign': (options) => it.keys.private.createSign(SIGN, options),
  'privateKey.tlsKey': (options) => it.keys.private.tlsKey(options),
  'publicKey.createVerify': (options) => it.keys.public.createVerify(SIGN, DATA, options),
  'secretKey.createEncrypt': (options) => it.keys.secret.createEncrypt(CBC, options),
  'secretKey.encryptMany': (options) => it.keys.secret.encryptMany(CBC, [], options),
  connect: (options) => connect({ module: it.fault.path, token: { label: 'options' } }, options),
  'connect to several': (options) => connect([{ module: it.fault.path }], options),
  'client.login': (options) => it.client.login(it.test.pin, options),
  'client.privateKey': (options) => it.client.privateKey({ label: 'ec' }, options),
  'client.publicKey': (options) => it.client.publicKey({ label: 'ec' }, options),
  'client.secretKey': (options) => it.client.secretKey({ label: 'aes' }, options),
  'client.certificate': (options) => it.client.certificate({ label: 'x' }, options),
  'client.find': (options) => it.client.find({ label: 'ec' }, options),
  'client.generateKeyPair': (options) => it.client.generateKeyPair('EC', options),
  'client.createObject': (options) => it.client.createObject({ class: 'DATA' }, options),
  'client.digest': (options) => it.client.digest('SHA-256', DATA, options),
  'client.digestMany': (options) => it.client.digestMany('SHA-256', [], options),
  'client.createDigest': (options) => it.client.createDigest('SHA-256', options),
  'client.random': (options) => it.client.random(3, options),
  'client.withSession': (options) => it.client.withSession(async () => 1, options),
  'client.health': (options) => it.client.health(options),
  'clientPrivateKey.sign': (options) => it.keys.clientPrivate.sign(SIGN, DATA, options),
  'clientPrivateKey.decrypt': (options) => it.keys.clientPrivate.decrypt('RSA-PKCS1', DATA, options),
  'clientPrivateKey.signMany': (options) => it.keys.clientPrivate.signMany(SIGN, [], options),
  'clientPrivateKey.createSign': (options) => it.keys.clientPrivate.createSign(SIGN, options),
  'clientPrivateKey.tlsKey': (options) => it.keys.clientPrivate.tlsKey(options),
  'clientPublicKey.verify': (options) => it.keys.clientPublic.verify(SIGN, DATA, DATA, options),
  'clientPublicKey.encrypt': (options) => it.keys.clientPublic.encrypt('RSA-PKCS1', DATA, options),
  'clientPublicKey.toKeyObject': (options) => it.keys.clientPublic.toKeyObject(options),
  'clientSecretKey.encrypt': (options) => it.keys.clientSecret.encrypt(CBC, DATA, options),
  'clientSecretKey.decrypt': (options) => it.keys.clientSecret.decrypt(CBC, DATA, options),
  'clientSecretKey.sign': (options) => it.keys.clientSecret.sign('HMAC-SHA256', DATA, options),
  'clientSecretKey.verify': (options) => it.keys.clientSecret.verify('HMAC-SHA256', DATA, DATA, options),
  'group.privateKey': (options) => it.group.privateKey({ label: 'ec' }, options),
  'group.digest': (options) => it.group.digest('SHA-256', DATA, options),
  'group.random': (options) => it.group.random(3, options),
  'groupPrivateKey.sign': (options) => it.keys.groupPrivate.sign(SIGN, DATA, options),
  'groupPublicKey.verify': (options) => it.keys.groupPublic.verify(SIGN, DATA, DATA, options),
  'groupPublicKey.toKeyObject': (options) => it.keys.groupPublic.toKeyObject(options),
  pinFromEnvironment: (options) => pinFromEnvironment('PIN', options),
  pinFromFile: (options) => pinFromFile('/pin', options),
  pinFromKeyring: (options) => pinFromKeyring(options),
  pinFromPrompt: (options) => pinFromPrompt(options),
  pinFromUri: (options) => pinFromUri(parseUri('pkcs11:'), options),
  registerAttribute: (options) => registerAttribute('vendorAttribute', options),
  createSoftToken: (options) => createSoftToken(options),
  'FaultModule.create': (options) => FaultModule.create(options),
  'fault.removeToken': (options) => it.fault.removeToken(options),
  'fault.until': (options) => it.fault.until(() => true, options),
  'fault.plan': (options) => it.fault.plan([options]),
};

describe.each(Object.entries(FUNCTIONS))('%s', (_, call) => {
  test('refuses an unknown option and names it', async () => {
    const error = await failure(async () => call(wrong({ nonsense: 1 })));
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
    expect(error.message).toMatch(/^Unknown option "nonsense" in .*Known: /);
  });

  test('refuses an AbortSignal or another wrong type in place of options', async () => {
    for (const no of [new AbortController().signal, new Map(), [], 'x', 5, null]) {
      const error = await failure(async () => call(wrong(no)));
      expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    }
  });
});

test('a wrong type of an option that ends an operation is refused', async () => {
  const { client, keys, session } = it;
  const calls: ((options: never) => unknown)[] = [
    (options) => client.random(3, options),
    (options) => client.find('all', options),
    (options) => client.generateKey('AES', options),
    (options) => keys.clientPrivate.sign(SIGN, DATA, options),
    (options) => keys.groupPrivate.sign(SIGN, DATA, options),
  ];
  for (const call of calls) {
    expect(await failure(async () => call(wrong({ signal: {} })))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    });
    expect(await failure(async () => call(wrong({ timeout: '5' })))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    });
    for (const timeout of [0, -1, Number.NaN]) {
      expect(await failure(async () => call(wrong({ timeout })))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
    }
  }
  const signal = wrong<AbortSignal>({ abort: 1 });
  for (const call of [
    () => session.digestMany('SHA-256', [DATA], { signal }),
    () => client.digestMany('SHA-256', [DATA], { signal }),
    () => client.login(it.test.pin, { signal }),
    () => connect({ module: it.fault.path }, { signal }),
  ]) {
    expect(await failure(async () => call())).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  }
});

const WRONG: Readonly<Record<string, () => unknown>> = {
  'pinFromPrompt({ input: 5 })': () => pinFromPrompt({ input: wrong(5) }),
  'pinFromPrompt({ output: {} })': () => pinFromPrompt({ output: wrong({}) }),
  'createSoftToken({ module: 5 })': () => createSoftToken({ module: wrong(5) }),
  "createSoftToken({ removable: 'yes' })": () => createSoftToken({ removable: wrong('yes') }),
  "FaultModule.create({ copyModule: 'yes' })": () =>
    FaultModule.create({ module: it.test.module, copyModule: wrong('yes') }),
  'FaultModule.create({ environment: 5 })': () =>
    FaultModule.create({ module: it.test.module, environment: wrong(5) }),
  'fault.until(5)': () => it.fault.until(wrong(5)),
  'connect({ moduleOptions: 5 })': () => connect({ module: '/x' }, { moduleOptions: wrong(5) }),
};

test.each(Object.entries(WRONG))('%s is refused for its type', async (_, call) => {
  expect(await failure(async () => call())).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
});

/** Misspelt names and the intended ones. */
const MISSPELT: Readonly<Record<string, [call: () => unknown, given: string, meant: string]>> = {
  'an option of Module.open': [() => Module.open('/x', wrong({ lockin: 'os' })), 'lockin', 'locking'],
  'an option of connect': [
    () => connect({ module: '/x' }, wrong({ operationTimeOut: 5 })),
    'operationTimeOut',
    'operationTimeout',
  ],
  'an option of a group of options': [
    () => connect({ module: '/x' }, wrong({ sessions: { maximum: 5 } })),
    'maximum',
    'max',
  ],
  'an option of the breaker': [
    () => connect([{ module: '/x' }], wrong({ breaker: { opentime: 5 } })),
    'opentime',
    'openTime',
  ],
  'an option of the module of a client': [
    () => connect({ module: '/x' }, wrong({ moduleOptions: { symbolBindnig: 'none' } })),
    'symbolBindnig',
    'symbolBinding',
  ],
  'an option of a member': [() => connect([wrong({ target: { module: '/x' }, pni: '1' })]), 'pni', 'pin'],
  'what is connected to': [() => connect(wrong({ modul: '/x' })), 'modul', 'module'],
  'a member of a token selector': [() => it.module.token(wrong({ lable: 'x' })), 'lable', 'label'],
  'an option of an operation': [() => it.client.random(3, wrong({ timeOut: 5 })), 'timeOut', 'timeout'],
  'an option of a search': [() => it.client.find('all', wrong({ limits: 5 })), 'limits', 'limit'],
  'an option of an algorithm': [
    () => it.keys.secret.encrypt({ name: 'AES-GCM', iv: Buffer.alloc(12), tagbits: 96 }, DATA),
    'tagbits',
    'tagLength',
  ],
  'a member of a mechanism': [
    () => it.keys.secret.encrypt(wrong({ mechanism: 'AES_ECB', parametr: DATA }), DATA),
    'parametr',
    'parameter',
  ],
  'a field of the parameter of a mechanism': [
    () =>
      it.keys.secret.encrypt(
        wrong({ mechanism: 'AES_GCM', parameter: { iv: Buffer.alloc(12), tagbits: 96 } }),
        DATA,
      ),
    'tagbits',
    'tagBits',
  ],
  'a field of a structure of the raw level': [
    () =>
      it.module.raw.C_DigestInitSync(it.session.name, {
        mechanism: 1,
        parameter: wrong({ structure: 'CK_GCM_PARAMS', taggBits: 1 }),
      }),
    'taggBits',
    'tagBits',
  ],
  'an option of load': [() => load('/x', wrong({ interfac: 'auto' })), 'interfac', 'interface'],
  'an option of C_Initialize': [() => it.raw.C_Initialize(wrong({ Locking: 'os' })), 'Locking', 'locking'],
  'a member of a URI': [() => formatUri(wrong({ tokn: { label: 'x' } })), 'tokn', 'token'],
  'a part of a URI': [() => formatUri(wrong({ token: { serial: 'x' } })), 'serial', 'serialNumber'],
  'a part of a URI that is compared': [() => equalUris({}, wrong({ objct: {} })), 'objct', 'object'],
  'a part of a resource': [
    () => matchesUri(parseUri('pkcs11:'), wrong({ tokens: it.token })),
    'tokens',
    'token',
  ],
  'a word of a rule': [() => it.fault.plan([wrong({ function: 'C_Sign', retrun: 'x' })]), 'retrun', 'return'],
};

test.each(Object.entries(MISSPELT))(
  'the error for %s names the one that was meant',
  async (_, [call, given, meant]) => {
    const error = await failure(async () => call());
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
    expect(error.message).toMatch(new RegExp(`"${given}".*; did you mean "${meant}"\\?`));
  },
);

test('the error for an unknown attribute, algorithm or constant names the nearest one', async () => {
  const { session, keys, module } = it;
  const messages = await Promise.all(
    [
      () => session.find(wrong({ lable: 'x' })),
      () => session.generateKey('AES', wrong({ valueLenn: 32 })),
      () => keys.private.sign('ECDSA-SHA-256', DATA),
      () => keys.secret.encrypt(wrong({ mechanism: 'AES_GMC' }), DATA),
      () => module.token({ label: 'options' }).then((token) => token.slot.mechanism(wrong('CKM_EDCSA'))),
    ].map(async (call) => (await failure(async () => call())).message),
  );
  expect(messages.map((message) => /did you mean "([^"]+)"/.exec(message)?.[1])).toEqual([
    ...['label', 'valueLen', 'ECDSA-SHA256', 'AES_GCM', 'ECDSA'],
  ]);
});

test('no name is proposed for an unrelated name of any length', async () => {
  for (const name of ['q', 'nonsense', 'x'.repeat(1_000_000)]) {
    const error = await failure(async () => it.session.find('all', wrong({ [name]: 1 })));
    expect(error.message).toMatch(/^Unknown option .* in the options of find\. Known: limit/);
    expect(error.message.length).toBeLessThan(200);
  }
});

test('options may have no prototype', async () => {
  const options = Object.assign(Object.create(null), { limit: 1 });
  expect(await it.client.find('all', options)).toHaveLength(1);
});

describe('client.find', () => {
  test('ends at the limit', async () => {
    const all = await it.client.find('all');
    expect(all.length).toBeGreaterThan(2);
    expect(await it.client.find('all', { limit: 2 })).toHaveLength(2);
    expect(await failure(it.client.find('all', { limit: 0 }))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
  });
});

describe('the timeout of an operation', () => {
  const EXPIRED = { code: 'ERR_CRYPTOKI_TIMEOUT' };

  test.each<[string, FunctionName, (options: { timeout: number }) => Promise<unknown>]>([
    ['clientPrivateKey.sign', 'C_Sign', (options) => it.keys.clientPrivate.sign(SIGN, DATA, options)],
    [
      'clientPublicKey.verify',
      'C_Verify',
      (options) => it.keys.clientPublic.verify(SIGN, DATA, Buffer.alloc(64), options),
    ],
    ['clientSecretKey.encrypt', 'C_Encrypt', (options) => it.keys.clientSecret.encrypt(CBC, DATA, options)],
    ['client.digest', 'C_Digest', (options) => it.client.digest('SHA-256', DATA, options)],
    ['client.random', 'C_GenerateRandom', (options) => it.client.random(3, options)],
    ['client.find', 'C_FindObjects', (options) => it.client.find('all', options)],
    ['client.generateKey', 'C_GenerateKey', (options) => it.client.generateKey('AES', options)],
    ['groupPrivateKey.sign', 'C_Sign', (options) => it.keys.groupPrivate.sign(SIGN, DATA, options)],
    ['group.digest', 'C_Digest', (options) => it.group.digest('SHA-256', DATA, options)],
  ])('%s: ends the waiting for a call that hangs', async (_, name, call) => {
    it.fault.plan([{ function: name, hang: true }]);
    try {
      const begun = performance.now();
      expect(await failure(call({ timeout: 50 }))).toMatchObject(EXPIRED);
      expect(performance.now() - begun).toBeLessThan(5_000);
    } finally {
      it.fault.clear();
    }
    expect(await it.client.random(3, { timeout: 10_000 })).toHaveLength(3);
  });

  test('makes health() report a token that does not answer', async () => {
    it.fault.plan([{ function: 'C_GetSessionInfo', hang: true }]);
    try {
      const health = await it.client.health({ timeout: 50 });
      expect(health).toMatchObject({ ok: false, error: EXPIRED });
    } finally {
      it.fault.clear();
    }
  });

  test('leaves no timer behind and does not replace the signal', async () => {
    const controller = new AbortController();
    const options = { timeout: 60_000, signal: controller.signal };
    expect(await it.client.random(3, options)).toHaveLength(3);
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length).toBeLessThan(5);
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await failure(it.client.random(3, options))).toBe(reason);
  });

  test('beyond the maximum of a timer means no timeout', async () => {
    for (const timeout of [2 ** 40, Number.POSITIVE_INFINITY]) {
      expect(await it.client.random(3, { timeout })).toHaveLength(3);
    }
  });
});
