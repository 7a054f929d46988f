import { createSoftToken, type SoftToken } from 'cryptoki/testing';
import { ensureSoftHSM } from '../../scripts/softhsm.mjs';

/** A SoftHSM2 token of this test file alone; SOFTHSM2_CONF is set for it. */
export type TestToken = SoftToken;

/** Makes a token, and gets SoftHSM2 if need be. Call it in beforeAll, before the module is opened. */
export async function createToken(label = 'test'): Promise<TestToken> {
  return createSoftToken({ module: await ensureSoftHSM(), label });
}
