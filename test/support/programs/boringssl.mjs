// Runs the client on a node:crypto that refuses explicit parameters of curves, like BoringSSL in Electron and Bun.
// Arguments: module, label, PIN.
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

const { generateKeyPairSync } = crypto;
crypto.generateKeyPairSync = (type, options) => {
  if (options?.paramEncoding === 'explicit')
    throw Object.assign(new Error('INVALID_PARAMETERS'), { code: 'ERR_OSSL_EVP_INVALID_PARAMETERS' });
  return generateKeyPairSync(type, options);
};
syncBuiltinESMExports();

const { connect } = await import('cryptoki');
const [module, label, pin] = process.argv.slice(2);
const client = await connect({ module, token: { label } }, { pin });
const message = Buffer.from('message');
const results = {};
for (const curve of ['P-224', 'P-256', 'P-384', 'P-521', 'secp256k1']) {
  const { privateKey, publicKey } = await client.generateKeyPair('EC', { curve, label: curve, token: true });
  const signature = await privateKey.sign('ECDSA-SHA256', message);
  results[curve] = await publicKey.verify('ECDSA-SHA256', message, signature);
}
await client.close();
console.log(JSON.stringify(results));
