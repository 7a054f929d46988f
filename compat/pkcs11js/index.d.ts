export * from 'cryptoki/pkcs11js';
