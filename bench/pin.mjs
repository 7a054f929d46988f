// @ts-check
// Gets the PIN of the user's token from a file, the environment or a prompt, never from the visible command line.
import { readFileSync } from 'node:fs';
import password from '@inquirer/password';
import { Module } from 'cryptoki';
import { ToolError } from '../scripts/tools.mjs';

/**
 * @param {string} path of the module
 * @param {{ libraryParameters?: string }} options
 * @param {string | undefined} label
 * @param {string | undefined} file
 * @returns {Promise<string>}
 */
export async function readPin(path, options, label, file) {
  if (file !== undefined) return readFileSync(file, 'utf8').split(/\r?\n/)[0] ?? '';
  if (process.env.CRYPTOKI_PIN !== undefined) return process.env.CRYPTOKI_PIN;
  if (!process.stdin.isTTY) throw new ToolError('no PIN: give --pin-file, or set CRYPTOKI_PIN');
  const module = await Module.open(path, options);
  try {
    const token = await module.token(label === undefined ? 'only' : { label });
    return await password({ message: `PIN of token "${token.label}"`, mask: '*' });
  } finally {
    await module.close();
  }
}
