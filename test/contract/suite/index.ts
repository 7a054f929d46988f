import { afterAll, beforeAll, describe, test } from 'vitest';
import type { ContractModule } from '../modules/contract-module';
import { Contract } from './contract';
import { decrypt } from './decrypt';
import { digest } from './digest';
import { encrypt } from './encrypt';
import { general } from './general';
import { key } from './key';
import { login } from './login';
import { object } from './object';
import { random } from './random';
import { session } from './session';
import { sign } from './sign';
import { verify } from './verify';

const CHAPTERS = { general, session, login, object, key, sign, verify, digest, encrypt, decrypt, random };

/** The contract, on a module that is started for it; skipped with the reason where it cannot be started. */
export function describeContract(its: ContractModule): void {
  const contract = new Contract(its);
  const why = its.whyNot === undefined ? '' : ` (${its.whyNot})`;
  describe.skipIf(its.whyNot !== undefined)(`${its.name}${why}`, () => {
    beforeAll(() => contract.start(), 60_000);
    afterAll(() => contract.stop(), 60_000);
    for (const [name, define] of Object.entries(CHAPTERS)) describe(name, () => define(contract));
    test('its expectations name only tests that there are', () => contract.expectAllUsed());
  });
}
