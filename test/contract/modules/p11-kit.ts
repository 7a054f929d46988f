import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { softToken } from '../../../scripts/soft-token.mjs';
import { findSoftHSM } from '../../../scripts/softhsm.mjs';
import { p11kit as expectations } from '../expectations/p11-kit';
import {
  type ContractModule,
  library,
  NotStarted,
  privateDirectory,
  program,
  start,
} from './contract-module';

const client = library('pkcs11/p11-kit-client.so');
const server = program('p11-kit');
const remote = ['/usr/libexec/p11-kit/p11-kit-server', '/usr/lib/p11-kit/p11-kit-server'].find(existsSync);

function whyNot(): string | undefined {
  if (client === undefined || server === undefined || remote === undefined) {
    return 'needs p11-kit with its server, and p11-kit-client.so: p11-kit, p11-kit-modules';
  }
  return findSoftHSM() === undefined ? 'needs a SoftHSM2 behind it: libsofthsm2' : undefined;
}

/** The client of p11-kit, which sends all calls over a socket to a p11-kit server with a SoftHSM2. */
export const p11kit: ContractModule = {
  name: 'p11-kit client',
  whyNot: whyNot(),
  alwaysInCi: true,
  expectations,
  async start() {
    if (client === undefined || server === undefined) throw new Error('p11-kit is missing');
    const directory = privateDirectory();
    const token = await softToken(directory.path, 'contract');
    const socket = join(directory.path, 's');
    const child = start(server, ['server', '-f', '-n', socket, '--provider', token.module, 'pkcs11:'], {
      env: { ...process.env, XDG_RUNTIME_DIR: directory.path, SOFTHSM2_CONF: token.config },
    });
    for (let i = 0; i < 100 && !existsSync(socket); i++) await wait(50);
    if (!existsSync(socket)) {
      child.kill();
      directory.remove();
      throw new NotStarted('p11-kit server does not start here');
    }
    process.env.P11_KIT_SERVER_ADDRESS = `unix:path=${socket}`; // read by C_Initialize
    return {
      path: client,
      selector: { label: token.label },
      pin: token.pin,
      soPin: token.soPin,
      stop: async () => {
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill(); // its child processes, one per connection, end with their connection
        await ended;
        directory.remove();
      },
    };
  },
};
