import { hex, text } from '../support/bytes';

export interface PasswordVector {
  readonly source: string;
  readonly hash: 'sha1' | 'sha256';
  readonly password: Buffer;
  readonly salt: Buffer;
  readonly iterations: number;
  readonly derived: Buffer;
}

const rfc6070 = (number: number, iterations: number, derived: string): PasswordVector => ({
  ...{ source: `RFC 6070, 2 (${number})`, hash: 'sha1', password: text('password'), salt: text('salt') },
  ...{ iterations, derived: hex(derived) },
});

export const PASSWORDS: readonly PasswordVector[] = [
  rfc6070(1, 1, '0c60c80f961f0e71f3a9b524af6012062fe037a6'),
  rfc6070(2, 2, 'ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957'),
  rfc6070(3, 4096, '4b007901b765489abead49d926f721d065a429c1'),
  {
    ...{
      source: 'RFC 7914, 11',
      hash: 'sha256',
      password: text('passwd'),
      salt: text('salt'),
      iterations: 1,
    },
    derived: hex(`
      55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc
      49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783`),
  },
];
