import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { p11kitTrust as expectations } from '../expectations/p11-kit-trust';
import { CERTIFICATE } from '../suite/certificate';
import { type ContractModule, library, privateDirectory } from './contract-module';

const path = library('pkcs11/p11-kit-trust.so');

/** p11-kit-trust on a directory with one certificate, instead of the certificates that the system trusts. */
export const p11kitTrust: ContractModule = {
  name: 'p11-kit-trust',
  whyNot: path === undefined ? 'needs p11-kit-trust.so: p11-kit-modules' : undefined,
  alwaysInCi: true,
  expectations,
  async start() {
    if (path === undefined) throw new Error('p11-kit-trust.so is missing');
    const directory = privateDirectory();
    writeFileSync(join(directory.path, 'contract.crt'), CERTIFICATE);
    return {
      path,
      options: { libraryParameters: `paths='${directory.path}'` },
      selector: { label: basename(directory.path) },
      pin: undefined,
      soPin: undefined,
      stop: async () => directory.remove(),
    };
  },
};
