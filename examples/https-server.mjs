// An HTTPS server with its private key in a token. Clients must present a certificate (mTLS).
//
//   CRYPTOKI_PIN=... node examples/https-server.mjs 'pkcs11:token=web;object=server?module-path=/path/of/module.so' \
//     --cert server.pem --ca clients.pem --port 8443

import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { parseArgs } from 'node:util';
import { connect, pinFromEnvironment } from 'cryptoki';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cert: { type: 'string', default: 'server.pem' },
    ca: { type: 'string', default: 'clients.pem' },
    port: { type: 'string', default: '8443' },
  },
});
const [uri = ''] = positionals;

const hsm = await connect(uri, { pin: pinFromEnvironment('CRYPTOKI_PIN') });
const key = await hsm.privateKey();

const server = createServer(
  {
    key: await key.tlsKey(), // a reference to the key, which stays in the token
    cert: readFileSync(values.cert),
    ca: readFileSync(values.ca),
    requestCert: true,
    rejectUnauthorized: true,
  },
  (request, response) => {
    const { subject } = request.socket.getPeerCertificate();
    response.end(`Hello ${subject.CN}\n`);
  },
);
// A handshake fails while the token is removed, and succeeds again after its return.
server.on('tlsClientError', (error) => console.error(error.message));
server.listen(Number(values.port), () => console.log(`https://localhost:${server.address().port}`));

process.once('SIGTERM', () => {
  server.close(() => hsm.close());
  server.closeIdleConnections();
});
