import { createSoftToken, type SoftToken } from 'cryptoki/testing';
import { ensureSoftHSM } from '../../scripts/softhsm.mjs';

/** A SoftHSM2 token for this test file alone; SOFTHSM2_CONF is set for it. */
export type TestToken = SoftToken;

/** Makes a token, and installs SoftHSM2 if necessary. Call it in beforeAll, before the module is opened. */
export async function createToken(label = 'test'): Promise<TestToken> {
  return createSoftToken({ module: await ensureSoftHSM(), label });
}
