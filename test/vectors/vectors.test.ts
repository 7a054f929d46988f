/**
 * All vectors in one process. The last test counts the mechanisms of a module for which a test has passed.
 * `-t` selects tests.
 */
import './aead';
import './aes';
import './ciphers';
import './derive';
import './dh';
import './digest';
import './dsa';
import './ecdh';
import './ecdsa';
import './eddsa';
import './generate';
import './generate-secret';
import './key-wrap';
import './mac';
import './ml-dsa';
import './ml-kem';
import './password';
import './rsa';
import './signatures';
import './tls';
import './coverage';
