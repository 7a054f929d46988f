// Libraries that take a KeyObject, a CryptoKey or TLS options, with keys in a token.
import crypto from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { check, hasKeyObjects, httpsAgent, prepare, tlsOptions } from './ground.mjs';

const [library, folder] = process.argv.slice(2);
const require = createRequire(join(folder, 'node_modules', 'x.js'));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const ground = await prepare(library);
const { ca, client } = ground;
const p256 = await ground.make('p256');
const rsa = await ground.make('rsa');

async function signed(work) {
  const before = ground.signs();
  const value = await work();
  if (value === false) throw new Error('not right');
  return ground.signs() - before;
}

await check('undici', () =>
  signed(async () => {
    const { Agent, request } = await load('undici');
    const server = https.createServer(
      { key: await rsa.privateKey.tlsKey(), cert: rsa.cert, ca, requestCert: true, rejectUnauthorized: true },
      (incoming, response) => response.end(incoming.socket.getPeerCertificate().subject.CN),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const connect = await tlsOptions(p256.privateKey, { cert: p256.cert, ca });
    const dispatcher = new Agent({ connect });
    const { body } = await request(`https://localhost:${server.address().port}`, { dispatcher });
    const text = await body.text();
    await dispatcher.close();
    const agent = await httpsAgent(p256.privateKey, { cert: p256.cert, ca });
    const [response] = await once(
      https.get({ host: 'localhost', port: server.address().port, agent }),
      'response',
    );
    const said = (await response.toArray()).join('');
    agent.destroy();
    server.close();
    return text === 'p256' && said === 'p256';
  }),
);

if (hasKeyObjects()) {
  const keys = { ES256: p256, RS256: rsa, PS256: rsa };
  for (const [algorithm, pair] of Object.entries(keys)) {
    pair.key ??= await pair.privateKey.toKeyObject();
    await check(`jose ${algorithm}`, () =>
      signed(async () => {
        const { jwtVerify, SignJWT } = await load('jose');
        const jwt = await new SignJWT({ sub: 'me' }).setProtectedHeader({ alg: algorithm }).sign(pair.key);
        return (await jwtVerify(jwt, pair.publicKey)).payload.sub === 'me';
      }),
    );
    await check(`jsonwebtoken ${algorithm}`, () =>
      signed(() => {
        const { sign, verify } = require('jsonwebtoken');
        return verify(sign({ sub: 'me' }, pair.key, { algorithm }), pair.publicKey).sub === 'me';
      }),
    );
  }
  await check('oauth4webapi', () => signed(() => oauth()));
  await check('@peculiar/x509', () => signed(() => request()));
}

/** private_key_jwt and DPoP, against a server that checks both with the public key. */
async function oauth() {
  const [oauth4webapi, jose] = await Promise.all([load('oauth4webapi'), load('jose')]);
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const key = p256.key.toCryptoKey(algorithm, false, ['sign']);
  const publicKey = p256.publicKey.toCryptoKey(algorithm, true, ['verify']);
  const seen = {};
  const server = createServer(async (incoming, response) => {
    let text = '';
    for await (const part of incoming) text += part;
    const form = new URLSearchParams(text);
    const assertion = await jose.jwtVerify(form.get('client_assertion'), p256.publicKey);
    const proof = await jose.jwtVerify(incoming.headers.dpop, jose.EmbeddedJWK);
    seen.client = assertion.payload.sub;
    seen.method = proof.payload.htm;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ access_token: 'a', token_type: 'DPoP', expires_in: 60 }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const as = { issuer, token_endpoint: `${issuer}/token` };
  const me = { client_id: 'me' };
  const response = await oauth4webapi.clientCredentialsGrantRequest(
    ...[as, me, oauth4webapi.PrivateKeyJwt(key), new URLSearchParams()],
    {
      [oauth4webapi.allowInsecureRequests]: true,
      DPoP: oauth4webapi.DPoP(me, { privateKey: key, publicKey }),
    },
  );
  const result = await oauth4webapi.processClientCredentialsResponse(as, me, response);
  server.close();
  return result.access_token === 'a' && seen.client === 'me' && seen.method === 'POST';
}

/** A certificate request signed by the token. */
async function request() {
  await load('reflect-metadata');
  const x509 = await load('@peculiar/x509');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = {
    privateKey: p256.key.toCryptoKey(algorithm, false, ['sign']),
    publicKey: p256.publicKey.toCryptoKey(algorithm, true, ['verify']),
  };
  const made = await x509.Pkcs10CertificateRequestGenerator.create(
    { name: 'CN=me', keys, signingAlgorithm: algorithm },
    crypto.webcrypto,
  );
  return made.verify(crypto.webcrypto);
}

await check('violations', () => ground.hsm.violations);
await client.close();
await ground.end();
