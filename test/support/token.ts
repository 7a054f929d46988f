import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initialiseToken, softToken } from '../../scripts/soft-token.mjs';

/** A SoftHSM2 token of this test file alone. */
export interface TestToken {
  /** Path of the module. */
  readonly module: string;
  readonly label: string;
  readonly pin: string;
  readonly soPin: string;
  /** Value of SOFTHSM2_CONF, which is set already: child processes and workers need it too. */
  readonly config: string;
  /** Initialises one more token in the same directory, with the same PINs. */
  addToken(label: string): Promise<void>;
  /** Removes the directory. */
  remove(): void;
}

/** Makes a token in a private directory. Call it in beforeAll, before the module is opened. */
export async function createToken(label = 'test'): Promise<TestToken> {
  const directory = mkdtempSync(join(tmpdir(), 'cryptoki-test-'));
  const token = await softToken(directory, label);
  return {
    ...token,
    addToken: (other) => initialiseToken({ ...token, label: other }),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
