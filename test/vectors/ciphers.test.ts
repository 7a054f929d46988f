import { CIPHERS } from './data/ciphers';
import { testCiphers } from './support/ciphers';

testCiphers(CIPHERS);
