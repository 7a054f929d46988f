import { CIPHERS } from './data/ciphers';
import { PADDED_CIPHERS } from './data/padded-ciphers';
import { testCiphers } from './support/ciphers';

testCiphers([...CIPHERS, ...PADDED_CIPHERS]);
