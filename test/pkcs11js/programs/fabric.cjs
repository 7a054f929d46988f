// The signer of Hyperledger Fabric's client for keys in an HSM: node fabric.cjs FOLDER MODULE, with PIN in the environment.
// Prints one JSON object with the result of each step.

const { createHash, createPublicKey, verify } = require('node:crypto');
const { createRequire } = require('node:module');
const { join } = require('node:path');

const [, , folder, library] = process.argv;
const require_ = createRequire(join(folder, 'program.js'));
const { signers } = require_('@hyperledger/fabric-gateway');
const pkcs11js = require_('pkcs11js');

/** The key, which another program has generated. */
function makeKey() {
  const pkcs11 = new pkcs11js.PKCS11();
  pkcs11.load(library);
  pkcs11.C_Initialize();
  const [slot] = pkcs11.C_GetSlotList(true);
  const session = pkcs11.C_OpenSession(slot, pkcs11js.CKF_RW_SESSION | pkcs11js.CKF_SERIAL_SESSION);
  pkcs11.C_Login(session, pkcs11js.CKU_USER, process.env.PIN);
  const shared = [
    { type: pkcs11js.CKA_ID, value: 'fabric' },
    { type: pkcs11js.CKA_TOKEN, value: true },
  ];
  const { publicKey } = pkcs11.C_GenerateKeyPair(
    session,
    { mechanism: pkcs11js.CKM_EC_KEY_PAIR_GEN },
    [{ type: pkcs11js.CKA_EC_PARAMS, value: Buffer.from('06082a8648ce3d030107', 'hex') }, ...shared],
    [{ type: pkcs11js.CKA_SIGN, value: true }, ...shared],
  );
  const [{ value }] = pkcs11.C_GetAttributeValue(session, publicKey, [{ type: pkcs11js.CKA_EC_POINT }]);
  const label = pkcs11.C_GetTokenInfo(slot).label.trim();
  pkcs11.C_CloseSession(session);
  pkcs11.C_Finalize();
  pkcs11.close();
  const [x, y] = [value.subarray(3, 35), value.subarray(35)].map((bytes) => bytes.toString('base64url'));
  return { label, key: createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' }) };
}

async function main() {
  const { label, key } = makeKey();
  const factory = signers.newHSMSignerFactory(library);
  const { signer, close } = factory.newSigner({ label, pin: process.env.PIN, identifier: 'fabric' });
  const message = Buffer.from('a transaction');
  const signature = await signer(createHash('sha256').update(message).digest());
  const isValid = verify('sha256', message, key, signature);
  let refused = '';
  try {
    factory.newSigner({ label, pin: process.env.PIN, identifier: 'another' });
  } catch (error) {
    refused = error.message;
  }
  close();
  factory.dispose();
  console.log(JSON.stringify({ isValid, refused }));
}

main();
