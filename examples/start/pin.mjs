// Gets the PIN from a file, the environment or a prompt, but never from the command line, which is visible to others.
import { readFileSync } from 'node:fs';
import password from '@inquirer/password';

/**
 * @param {string | undefined} file
 * @param {import('cryptoki').TokenInfo} info
 */
export async function readPin(file, info) {
  if (info.userPin.locked)
    throw new Error(`the PIN of token "${info.label}" is locked; its security officer can reset it`);
  if (info.userPin.finalTry) console.warn('Careful: a wrong PIN now locks the token.');
  if (file !== undefined) return readFileSync(file, 'utf8').split(/\r?\n/)[0];
  if (process.env.CRYPTOKI_PIN !== undefined) return process.env.CRYPTOKI_PIN;
  if (info.protectedAuthenticationPath) {
    console.log('Enter the PIN on the reader.');
    return null;
  }
  if (!process.stdin.isTTY)
    throw new Error('no PIN: give --pin-file or set CRYPTOKI_PIN, there is no terminal to ask on');
  return password({ message: `PIN of token "${info.label}"`, mask: '*' });
}
