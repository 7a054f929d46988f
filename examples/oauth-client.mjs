// An OAuth client that authenticates with a key in a token: private_key_jwt (RFC 7523), grant client_credentials.
//
//   CRYPTOKI_PIN=... node examples/oauth-client.mjs 'pkcs11:token=web;object=client?module-path=/path/of/module.so' \
//     --client my-client --endpoint https://server.example/token

import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { connect, pinFromEnvironment } from 'cryptoki';
import { signJwt } from './jwt/sign-jwt.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    client: { type: 'string', default: 'my-client' },
    endpoint: { type: 'string', default: 'http://localhost:8080/token' },
    scope: { type: 'string' },
  },
});
const [uri = ''] = positionals;
const { client, endpoint, scope } = values;

const hsm = await connect(uri, { pin: pinFromEnvironment('CRYPTOKI_PIN') });
try {
  const key = await hsm.privateKey();
  const now = Math.floor(Date.now() / 1000);
  const assertion = { iss: client, sub: client, aud: endpoint, jti: randomUUID(), iat: now, exp: now + 60 };
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await signJwt(key, assertion),
    ...(scope === undefined ? {} : { scope }),
  });
  const response = await fetch(endpoint, { method: 'POST', body });
  if (!response.ok) throw new Error(`the server answered ${response.status}: ${await response.text()}`);
  const { access_token: token, token_type: type, expires_in: seconds } = await response.json();
  console.log(`${type} token for ${seconds} s: ${token}`);
} finally {
  await hsm.close();
}
