/**
 * All vectors in one process: at the end it is counted with which of the mechanisms that a module offers a test has
 * passed. `-t` chooses among them.
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
