// A program for graphene-pk11 on pkcs11js, unmodified: node graphene.cjs FOLDER MODULE, with PIN in the environment.
// Prints one JSON object with the result of each step.

const assert = require('node:assert/strict');
const { createHash, createPublicKey, verify } = require('node:crypto');
const { createRequire } = require('node:module');
const { join } = require('node:path');
const { promisify } = require('node:util');

const [, , folder, library] = process.argv;
const graphene = createRequire(join(folder, 'program.js'))('graphene-pk11');
const { KeyType, KeyGenMechanism, MechanismEnum, ObjectClass } = graphene;

const done = {};
const message = Buffer.from('what is signed, digested and encrypted');

const module_ = graphene.Module.load(library, 'SoftHSM');
module_.initialize();
done.module = [module_.manufacturerID, module_.cryptokiVersion.major, module_.libFile === library];
const slots = module_.getSlots(true);
const slot = slots.items(0);
const token = slot.getToken();
done.token = [token.label, token.totalPublicMemory > 0, slot.getMechanisms().length > 50];
const session = slot.open(graphene.SessionFlag.SERIAL_SESSION | graphene.SessionFlag.RW_SESSION);
assert.throws(() => session.login('wrong PIN'), { message: /CKR_PIN_INCORRECT/ });
session.login(process.env.PIN);

function digest() {
  const once = session.createDigest('sha256').once(message);
  const parts = session.createDigest('sha256');
  parts.update(message.subarray(0, 5));
  parts.update(message.subarray(5));
  const expected = createHash('sha256').update(message).digest();
  done.digest = once.equals(expected) && parts.final().equals(expected);
}

const ecTemplate = { keyType: KeyType.EC, token: true, id: Buffer.from('ec key'), label: 'ec' };

function ec() {
  const keys = session.generateKeyPair(
    KeyGenMechanism.EC,
    {
      ...ecTemplate,
      verify: true,
      derive: true,
      paramsECDSA: graphene.NamedCurve.getByName('secp256r1').value,
    },
    { ...ecTemplate, sign: true, derive: true, private: true, sensitive: true },
  );
  const hash = createHash('sha256').update(message).digest();
  const signature = session.createSign('ECDSA', keys.privateKey).once(hash);
  const point = keys.publicKey.getAttribute({ pointEC: null }).pointEC.subarray(3);
  const key = createPublicKey({
    key: {
      kty: 'EC',
      crv: 'P-256',
      x: point.subarray(0, 32).toString('base64url'),
      y: point.subarray(32).toString('base64url'),
    },
    format: 'jwk',
  });
  done.ec = [
    verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature),
    session.createVerify('ECDSA', keys.publicKey).once(hash, signature),
  ];
  signature[3] ^= 1;
  done.ecForged = session.createVerify('ECDSA', keys.publicKey).once(hash, signature);
  const derived = session.deriveKey(
    {
      name: 'ECDH1_DERIVE',
      params: new graphene.EcdhParams(
        graphene.EcKdf.NULL,
        null,
        keys.publicKey.getAttribute({ pointEC: null }).pointEC,
      ),
    },
    keys.privateKey,
    {
      class: ObjectClass.SECRET_KEY,
      keyType: KeyType.AES,
      valueLen: 32,
      token: false,
      sensitive: false,
      extractable: true,
    },
  );
  done.derived = derived.getAttribute({ value: null }).value.length;
}

async function rsa() {
  const keys = await promisify(session.generateKeyPair.bind(session))(
    KeyGenMechanism.RSA,
    {
      keyType: KeyType.RSA,
      modulusBits: 2048,
      publicExponent: Buffer.from([1, 0, 1]),
      verify: true,
      encrypt: true,
      wrap: true,
    },
    { keyType: KeyType.RSA, sign: true, decrypt: true, unwrap: true, sensitive: true },
  );
  const sign = session.createSign('SHA256_RSA_PKCS', keys.privateKey);
  sign.update(message.subarray(0, 10));
  sign.update(message.subarray(10));
  const signature = sign.final();
  const check = session.createVerify('SHA256_RSA_PKCS', keys.publicKey);
  check.update(message);
  done.rsa = [signature.length, check.final(signature)];
  const oaep = {
    name: 'RSA_PKCS_OAEP',
    params: new graphene.RsaOaepParams(MechanismEnum.SHA1, graphene.RsaMgf.MGF1_SHA1),
  };
  const encrypted = session.createCipher(oaep, keys.publicKey).once(message, Buffer.alloc(1024));
  done.oaep = session
    .createDecipher(oaep, keys.privateKey)
    .once(encrypted, Buffer.alloc(1024))
    .equals(message);
  const pss = {
    name: 'SHA256_RSA_PKCS_PSS',
    params: new graphene.RsaPssParams(MechanismEnum.SHA256, graphene.RsaMgf.MGF1_SHA256, 32),
  };
  const pssSignature = session.createSign(pss, keys.privateKey).once(message);
  done.pss = session.createVerify(pss, keys.publicKey).once(message, pssSignature);
  return keys;
}

async function aes({ publicKey, privateKey }) {
  const template = {
    keyType: KeyType.AES,
    encrypt: true,
    decrypt: true,
    sensitive: false,
    extractable: true,
  };
  const key = session.generateKey(KeyGenMechanism.AES, { ...template, valueLen: 32 });
  const cbc = { name: 'AES_CBC_PAD', params: Buffer.alloc(16, 7) };
  const cipher = session.createCipher(cbc, key);
  const parts = [cipher.update(message), cipher.final()];
  const decipher = session.createDecipher(cbc, key);
  const plain = Buffer.concat([decipher.update(Buffer.concat(parts)), decipher.final()]);
  done.cbc = plain.equals(message);
  const gcmOf = (Params) => ({
    name: 'AES_GCM',
    params: new Params(Buffer.alloc(12, 3), Buffer.from('aad'), 128),
  });
  const gcm = gcmOf(graphene.AesGcm240Params);
  const encrypt = (input, output) =>
    new Promise((resolve, reject) =>
      session
        .createCipher(gcm, key)
        .once(input, output, (error, data) => (error ? reject(error) : resolve(data))),
    );
  const sealed = await encrypt(message, Buffer.alloc(1000));
  done.gcm = [
    sealed.length,
    session.createDecipher(gcm, key).once(sealed, Buffer.alloc(1000)).equals(message),
    // node-webcrypto-p11 takes this class for modules of PKCS#11 3.0
    session
      .createDecipher(gcmOf(graphene.AesGcmParams), key)
      .once(sealed, Buffer.alloc(1000))
      .equals(message),
  ];
  const value = key.getAttribute({ value: null }).value;
  const wrapped = session.wrapKey('RSA_PKCS', publicKey, key);
  const unwrapped = session.unwrapKey('RSA_PKCS', privateKey, wrapped, {
    class: ObjectClass.SECRET_KEY,
    ...template,
  });
  done.wrapped = [wrapped.length, unwrapped.getAttribute({ value: null }).value.equals(value)];
  const dated = session.generateKey(KeyGenMechanism.AES, {
    ...template,
    valueLen: 32,
    startDate: new Date('2030-05-06T00:00:00Z'),
  });
  done.dated = dated.class === ObjectClass.SECRET_KEY;
}

function store() {
  session.create({
    class: ObjectClass.CERTIFICATE,
    certType: graphene.CertificateType.X_509,
    label: 'certificate',
    id: Buffer.from('ec key'),
    subject: Buffer.from('3000', 'hex'),
    value: Buffer.from('30030101ff', 'hex'),
    token: true,
    private: false,
  });
  const data = session.create({
    class: ObjectClass.DATA,
    label: 'data',
    value: Buffer.from('stored'),
    token: true,
  });
  data.setAttribute({ label: 'renamed' });
  const found = session.find({ label: 'renamed' });
  done.data = [found.length, found.items(0).toType().value.toString()];
  const copy = session.copy(data, { label: 'copy' });
  copy.destroy();
  done.found = {
    keys: session.find({ id: Buffer.from('ec key') }).length,
    certificates: session.find({ class: ObjectClass.CERTIFICATE }).length,
    certificate: session.find({ label: 'certificate' }).items(0).toType().value.toString('hex'),
    copies: session.find({ label: 'copy' }).length,
  };
  assert.throws(
    () => session.find({ class: ObjectClass.PRIVATE_KEY }).items(0).getAttribute({ privateExponent: null }),
    {
      message: /CKR_ATTRIBUTE_(SENSITIVE|TYPE_INVALID)/,
    },
  );
}

async function main() {
  digest();
  ec();
  await aes(await rsa());
  store();
  done.random = session.generateRandom(32).length;
  module_.initialize(); // graphene recognises CKR_CRYPTOKI_ALREADY_INITIALIZED by its message and ignores it
  session.logout();
  session.close();
  slot.closeAll();
  module_.finalize();
  module_.close();
  console.log(JSON.stringify(done));
}

main();
