import { describe, expect, test } from 'vitest';
import { nssPath, whyNoNss } from '../support/nss';
import { allNodes, outcomes } from './support/nodes';

const nodes = (await allNodes()).filter(({ binary, hasKeyObjects }) => binary !== undefined && hasKeyObjects);

describe.skipIf(nssPath === undefined)(`keys in NSS as KeyObjects ${whyNoNss ?? ''}`, () => {
  test.each(nodes)('$name: sign, decrypt and derive, and fail after logout and close', async (node) => {
    const results = await outcomes(node, 'nss-key', [nssPath ?? '']);
    const works = ['rsa sign', 'ec sign', 'pss', 'oaep sha1', 'oaep sha256', 'oaep sha512', 'derive'];
    for (const name of works) expect(results.get(name)).toMatchObject({ value: true });
    expect(results.get('logged out')?.error).toBe('ERR_OSSL_CKR_USER_NOT_LOGGED_IN');
    expect(results.get('closed')?.error).toBe('ERR_OSSL_CRYPTOKI_CLIENT_CLOSED');
  });
});
