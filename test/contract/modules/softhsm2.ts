import { softToken } from '../../../scripts/soft-token.mjs';
import { softhsm2 as expectations } from '../expectations/softhsm2';
import { type ContractModule, privateDirectory } from './contract-module';

/** SoftHSM2: scripts/softhsm.mjs gets it where it is missing, so there is always one. */
export const softhsm2: ContractModule = {
  name: 'SoftHSM2',
  whyNot: undefined,
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
