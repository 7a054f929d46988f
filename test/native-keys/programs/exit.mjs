// process.exit() with signatures in flight on libuv's threads.
import crypto from 'node:crypto';
import { prepare } from './ground.mjs';

const [library] = process.argv.slice(2);
const ground = await prepare(library);
const { privateKey } = await ground.make('rsa');
const key = await privateKey.tlsKey();
ground.hsm.plan([{ function: 'C_Sign', delay: 30 }]);
for (let i = 0; i < 40; i += 1) crypto.sign('sha256', Buffer.from('x'), key, () => {});
const { inFlight } = await ground.hsm.until((counters) => counters.inFlight > 0);
console.log(JSON.stringify({ name: 'in flight', value: inFlight > 0 }));
ground.token.remove(); // some of the signatures then start a recovery
process.exit(0);
