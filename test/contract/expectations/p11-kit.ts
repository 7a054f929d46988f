import type { Expectations } from './expectations';
import { softhsm2 } from './softhsm2';

/** The expectations of the SoftHSM2 behind it, and the differences that the transport over the socket causes. */
export const p11kit: Expectations = {
  ...softhsm2,
  codes: {
    ...softhsm2.codes,
    'no event of a slot': {
      code: 'CKR_FUNCTION_NOT_SUPPORTED',
      why: 'the protocol has no C_WaitForSlotEvent',
    },
  },
  deviations: {
    ...softhsm2.deviations,
    'sign: HMAC of an empty part': {
      fails: 'CKR_ARGUMENTS_BAD',
      breaks: true,
      why: 'the server hands an empty piece on as a null pointer, which SoftHSM2 refuses',
    },
    'random: zero bytes can be requested': {
      fails: 'CKR_ARGUMENTS_BAD',
      why: 'the server hands the empty buffer on as a null pointer, which SoftHSM2 refuses',
    },
  },
};
