import { AES } from './data/aes';
import { testCiphers } from './support/ciphers';

testCiphers(AES);
