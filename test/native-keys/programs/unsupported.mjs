// Simulates a runtime whose OpenSSL is not that of Node.js, such as Electron or Bun.
import { check, prepare } from './ground.mjs';

const [library] = process.argv.slice(2);
const ground = await prepare(library);
const { privateKey, publicKey } = await ground.make('p256');
await check('another OpenSSL', () =>
  ground.client.withSession(async (session) => {
    const key = await session.privateKey({ label: 'p256' });
    session.use().createKeyReference({
      ...{ slot: session.token.slot.id, handle: key.handle, isPrivate: true, mechanisms: [] },
      ...{ publicKeyInfo: publicKey.export({ format: 'der', type: 'spki' }), opensslVersion: '1.1.1' },
    });
  }),
);
await check('the rest works', async () => (await privateKey.sign('ECDSA-SHA256', Buffer.from('x'))).length);
await ground.end();
