// @ts-check
// Random plans for the fault module: what a module may do wrong without giving a wrong value.
import * as testing from 'cryptoki/testing';

/** @typedef {import('./random.mjs').Random} Random */
/** @typedef {import('cryptoki/testing').FaultRule} FaultRule */

/** By what modules differ from the specification, where the fault module can do such a thing. */
const ODDITIES = /** @type {Readonly<Record<string, unknown>>} */ (
  'ODDITIES' in testing && typeof testing.ODDITIES === 'object' ? testing.ODDITIES : {}
);

/** @param {Random} random @returns {object} */
function action(random) {
  const oddities = ODDITIES instanceof Map ? [...ODDITIES.keys()] : Object.keys(ODDITIES);
  if (oddities.length > 0 && random.chance(0.5)) return { oddity: random.pick(oddities) };
  return random.weighted([
    [
      6,
      {
        return: random.pick([
          ...['CKR_GENERAL_ERROR', 'CKR_FUNCTION_FAILED', 'CKR_DEVICE_ERROR', 'CKR_HOST_MEMORY', 'CKR_OPERATION_ACTIVE'],
          ...['CKR_BUFFER_TOO_SMALL', 'CKR_SESSION_HANDLE_INVALID', 'CKR_USER_NOT_LOGGED_IN', 'CKR_FUNCTION_NOT_SUPPORTED'],
          ...['CKR_OPERATION_NOT_INITIALIZED', 'CKR_ATTRIBUTE_SENSITIVE', 'CKR_ATTRIBUTE_TYPE_INVALID', 'CKR_CANCEL', 0x80001234],
        ]),
      },
    ],
    [3, { callReturn: random.pick(['CKR_GENERAL_ERROR', 'CKR_DEVICE_MEMORY', 'CKR_FUNCTION_CANCELED']) }],
    [3, { grown: random.pick([1, 8, 100, 5000]) }],
    [3, { size: random.pick([1, -1, 16, -8, 1000, -1000, 100_000]) }],
    [2, { delay: random.below(4) }],
    [2, { delayAfter: random.below(4) }],
    [1, { loseSession: true }],
    [1, { logout: true }],
    [1, { loseSessions: true }],
    [1, { removeToken: 1 }],
  ]);
}

const FUNCTIONS = /** @type {const} */ ([
  ...['C_Sign', 'C_SignInit', 'C_SignUpdate', 'C_SignFinal', 'C_Digest', 'C_DigestInit', 'C_DigestFinal'],
  ...['C_Encrypt', 'C_EncryptUpdate', 'C_EncryptFinal', 'C_Decrypt', 'C_DecryptInit', 'C_Verify', 'C_VerifyInit'],
  ...['C_FindObjects', 'C_FindObjectsInit', 'C_FindObjectsFinal', 'C_GetAttributeValue', 'C_GetSessionInfo', 'C_CreateObject'],
  ...['C_OpenSession', 'C_CloseSession', 'C_GenerateRandom', 'C_GetSlotList', 'C_GetMechanismList', 'C_WrapKey', 'C_Login'],
]);

/** Some rules, or none. @param {Random} random @returns {FaultRule[]} */
export function randomPlan(random) {
  return Array.from({ length: random.below(4) }, () => {
    const rule = {
      function: random.chance(0.15) ? '*' : random.pick(FUNCTIONS),
      probability: random.pick([0.05, 0.3, 1]),
      seed: random.below(2 ** 31),
      ...action(random),
    };
    return /** @type {FaultRule} */ (rule);
  });
}
