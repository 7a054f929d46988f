import { afterAll, beforeAll, describe, test } from 'vitest';
import { type ContractModule, isRequired } from '../modules/contract-module';
import { Contract } from './contract';
import { decrypt } from './decrypt';
import { digest } from './digest';
import { encrypt } from './encrypt';
import { general } from './general';
import { kem } from './kem';
import { key } from './key';
import { login } from './login';
import { message } from './message';
import { mlDsa } from './ml-dsa';
import { object } from './object';
import { optional } from './optional';
import { random } from './random';
import { session } from './session';
import { sign } from './sign';
import { verify } from './verify';
import { verifySignature } from './verify-signature';

const CHAPTERS = {
  ...{ general, session, login, object, key, sign, verify, digest, encrypt, decrypt, random },
  ...{ message, kem, 'ml-dsa': mlDsa, 'verify signature': verifySignature, optional },
};

/**
 * Runs the contract on a module, which it starts. A module that cannot be started is skipped with the reason, or fails if
 * continuous integration requires it.
 */
export function describeContract(its: ContractModule): void {
  const contract = new Contract(its);
  const why = its.whyNot === undefined ? '' : ` (${its.whyNot})`;
  if (its.whyNot !== undefined) reportMissing(its, its.whyNot);
  describe.skipIf(its.whyNot !== undefined)(`${its.name}${why}`, () => {
    beforeAll(() => contract.start(), 60_000);
    afterAll(() => contract.stop(), 60_000);
    for (const [name, define] of Object.entries(CHAPTERS)) describe(name, () => define(contract));
    test('its expectations name only existing tests', () => contract.expectAllUsed());
  });
}

/** Reporters omit suites without a test that runs, so this test shows the name. */
function reportMissing(its: ContractModule, why: string): void {
  if (!isRequired(its)) {
    process.stderr.write(`SKIPPED: ${its.name}: ${why}\n`);
    return;
  }
  test(its.name, () => {
    throw new Error(`${its.name} always runs in continuous integration (CI is set), but here it ${why}`);
  });
}
