module.exports = require('cryptoki/pkcs11js');
