// @ts-check
// Random plans for the fault module: deviations that do not change values.
import * as testing from 'cryptoki/testing';

/** @typedef {import('./random.mjs').Random} Random */
/** @typedef {import('cryptoki/testing').FaultRule} FaultRule */

/** Ways in which modules differ from the specification, if this version of the fault module has them. */
const ODDITIES = /** @type {Readonly<Record<string, unknown>>} */ (
  /** @type {{ ODDITIES?: object }} */ (testing).ODDITIES ?? {}
);

/**
 * Oddities that change the values themselves, which a program cannot detect. A module that writes late ('pending') alters
 * the values of its own step only, but memory that it still uses must not be used for another call.
 */
const ALTERS_VALUES =
  /unwritten|length-zero|length-32bit|ecdsa-|ec-point|ulong-|boolean-|fixed-size|stops-at|pending|gcm-iv|handles-reused|twice|ignores-id|rsa-pkcs-only/;
/** These act when the module is loaded or when the process ends. */
const NOT_BY_CALL = /^(list-claims|exit-handler|keeps-signal)/;

const ODDITY_NAMES = Object.keys(ODDITIES).filter((name) => !NOT_BY_CALL.test(name));

/** @param {Random} random @returns {object} */
function action(random) {
  return random.weighted([
    [
      6,
      {
        return: random.pick([
          ...[
            'CKR_GENERAL_ERROR',
            'CKR_FUNCTION_FAILED',
            'CKR_DEVICE_ERROR',
            'CKR_HOST_MEMORY',
            'CKR_OPERATION_ACTIVE',
          ],
          ...[
            'CKR_BUFFER_TOO_SMALL',
            'CKR_SESSION_HANDLE_INVALID',
            'CKR_USER_NOT_LOGGED_IN',
            'CKR_FUNCTION_NOT_SUPPORTED',
          ],
          ...[
            'CKR_OPERATION_NOT_INITIALIZED',
            'CKR_ATTRIBUTE_SENSITIVE',
            'CKR_ATTRIBUTE_TYPE_INVALID',
            'CKR_CANCEL',
            0x80001234,
          ],
        ]),
      },
    ],
    // Not for all functions: when C_CloseSession fails, a program cannot know if the session is closed.
    [
      3,
      {
        function: random.pick([
          'C_Sign',
          'C_SignUpdate',
          'C_SignFinal',
          'C_Digest',
          'C_Encrypt',
          'C_FindObjects',
          'C_CreateObject',
        ]),
        callReturn: random.pick(['CKR_GENERAL_ERROR', 'CKR_DEVICE_MEMORY', 'CKR_FUNCTION_CANCELED']),
      },
    ],
    [3, { grown: random.pick([1, 8, 100, 5000]) }],
    [3, { size: random.pick([1, -1, 16, -8, 1000, -1000, 100_000]) }],
    [2, { delay: random.below(4) }],
    [2, { delayAfter: random.below(4) }],
    [1, { function: random.pick(['C_Sign', 'C_Digest', 'C_FindObjects', 'C_Login']), loseSession: true }],
    [1, { logout: true }],
    [1, { loseSessions: true }],
    [1, { removeToken: 1 }],
  ]);
}

const FUNCTIONS = /** @type {const} */ ([
  ...['C_Sign', 'C_SignInit', 'C_SignUpdate', 'C_SignFinal', 'C_Digest', 'C_DigestInit', 'C_DigestFinal'],
  ...[
    'C_Encrypt',
    'C_EncryptUpdate',
    'C_EncryptFinal',
    'C_Decrypt',
    'C_DecryptInit',
    'C_Verify',
    'C_VerifyInit',
  ],
  ...[
    'C_FindObjects',
    'C_FindObjectsInit',
    'C_FindObjectsFinal',
    'C_GetAttributeValue',
    'C_GetSessionInfo',
    'C_CreateObject',
  ],
  ...[
    'C_OpenSession',
    'C_CloseSession',
    'C_GenerateRandom',
    'C_GetSlotList',
    'C_GetMechanismList',
    'C_WrapKey',
    'C_Login',
  ],
]);

/** Functions that return lengths. */
const WITH_LENGTH = /** @type {const} */ ([
  ...['C_Sign', 'C_SignFinal', 'C_Digest', 'C_DigestFinal', 'C_Encrypt', 'C_EncryptUpdate', 'C_EncryptFinal'],
  ...['C_Decrypt', 'C_DecryptUpdate', 'C_DecryptFinal', 'C_GetAttributeValue', 'C_WrapKey'],
]);

/** The functions to which an oddity applies. @param {string} name */
const functionsOf = (name) => /** @type {{ functions?: string[] }} */ (ODDITIES[name]).functions ?? ['*'];

/**
 * A random number of rules, possibly none. @param {Random} random
 * @returns {{ rules: FaultRule[], altersValues: boolean }}
 */
export function randomPlan(random) {
  let altersValues = false;
  const rules = Array.from({ length: random.below(4) }, () => {
    const rare = { probability: random.pick([0.05, 0.3, 1]), seed: random.below(2 ** 31) };
    if (ODDITY_NAMES.length > 0 && random.chance(0.5)) {
      const oddity = random.pick(ODDITY_NAMES);
      altersValues ||= ALTERS_VALUES.test(oddity);
      return { function: random.pick(functionsOf(oddity)), ...rare, oddity };
    }
    const chosen = action(random);
    const needsLength = 'grown' in chosen || 'size' in chosen;
    const name = needsLength ? random.pick(WITH_LENGTH) : random.chance(0.15) ? '*' : random.pick(FUNCTIONS);
    return { function: name, ...rare, ...chosen };
  });
  // A module that gives one length and writes another whole cannot be survived: no other rule changes its lengths.
  const ignoresLengths = rules.some((rule) => 'oddity' in rule && rule.oddity === 'lengths-ignored');
  const consistent = ignoresLengths
    ? rules.filter(
        (rule) =>
          ('oddity' in rule && rule.oddity === 'lengths-ignored') ||
          !['C_GetAttributeValue', '*'].includes(rule.function),
      )
    : rules;
  return { rules: /** @type {FaultRule[]} */ (consistent), altersValues };
}
