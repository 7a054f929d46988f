import { softToken } from '../../../scripts/soft-token.mjs';
import { findSoftHSM } from '../../../scripts/softhsm.mjs';
import { softhsm2 as expectations } from '../expectations/softhsm2';
import { type ContractModule, privateDirectory } from './contract-module';

/** SoftHSM2; the set-up of the tests downloads or builds it if it is missing. */
export const softhsm2: ContractModule = {
  name: 'SoftHSM2',
  whyNot: findSoftHSM() === undefined ? 'needs libsofthsm2.so: libsofthsm2' : undefined,
  alwaysInCi: true,
  expectations,
  async start() {
    const directory = privateDirectory();
    const token = await softToken(directory.path, 'contract');
    return {
      path: token.module,
      selector: { label: token.label },
      pin: token.pin,
      soPin: token.soPin,
      stop: async () => directory.remove(),
    };
  },
};
