import type { Expectations } from './expectations';

export const p11kitTrust: Expectations = {
  codes: {
    'no event of a slot': { code: 'CKR_FUNCTION_NOT_SUPPORTED', why: 'its slots have no events' },
  },
  lacks: { write: 'it writes only what says how far a certificate is trusted' },
};
