// Signs a JSON Web Token with a key in a token, and prints it.
//
//   CRYPTOKI_PIN=... node examples/jwt.mjs 'pkcs11:token=web;object=jwt?module-path=/path/of/module.so' '{"sub":"me"}'
//
// On Node 24.21 and later, libraries can use the key directly: new SignJWT(claims).sign(await key.toKeyObject()) of jose.

import { connect, pinFromEnvironment } from 'cryptoki';
import { signJwt } from './jwt/sign-jwt.mjs';

const [uri = '', claims = '{}'] = process.argv.slice(2);
const hsm = await connect(uri, { pin: pinFromEnvironment('CRYPTOKI_PIN') });
try {
  const key = await hsm.privateKey();
  const now = Math.floor(Date.now() / 1000);
  console.log(await signJwt(key, { iat: now, exp: now + 300, ...JSON.parse(claims) }));
} finally {
  await hsm.close();
}
