// Creates the token of SOFTHSM2_CONF again, with given keys. It needs a separate process, because the test process has the
// module open. Argument: JSON with module, label, pin, soPin and keys ({ label, id, jwk }).
import { Module } from 'cryptoki';
import { initialiseToken } from '../../../scripts/soft-token.mjs';

const { module: path, label, pin, soPin, keys } = JSON.parse(process.argv[2]);
await initialiseToken({ module: path, label, pin, soPin });
const module = await Module.open(path);
const session = await (await module.token({ label })).openSession({ readWrite: true });
await session.login(pin);
const P256 = Buffer.from('06082a8648ce3d030107', 'hex');
for (const { label: name, id, jwk } of keys) {
  const common = { keyType: 'EC', token: true, label: name, id: Buffer.from(id, 'hex'), ecParams: P256 };
  const value = Buffer.from(jwk.d, 'base64url');
  await session.createObject({ ...common, class: 'PRIVATE_KEY', private: true, sign: true, value });
}
await module.close();
