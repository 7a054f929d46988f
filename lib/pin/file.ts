import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { argumentError, requireOptions } from '../core/arguments';
import { isError } from '../core/realms';
import { MAX_CONTENT, pinFromContent } from './content';
import { pinError } from './error';
import type { PinProvider } from './request';

/** Options of {@link pinFromFile}. */
export interface PinFileOptions {
  /**
   * Who may be able to read the file: its owner alone (default), its group too, or anyone, which switches the check off
   * (for secrets mounted into a container). Windows has no such permissions, and they are not checked there.
   */
  readonly readableBy?: 'owner' | 'group' | 'anyone' | undefined;
}

/** Permission bits that must not be set. */
const REFUSED = { owner: 0o077, group: 0o027, anyone: 0 } as const;

/** Reads all there is, or one byte more than a PIN can have. */
async function read(file: FileHandle): Promise<Buffer> {
  const room = Buffer.alloc(MAX_CONTENT + 1);
  let length = 0;
  for (let bytesRead = 1; bytesRead > 0 && length < room.length; length += bytesRead) {
    ({ bytesRead } = await file.read(room, length, room.length - length, null));
  }
  return room.subarray(0, length);
}

async function readChecked(path: string, mask: number): Promise<Buffer> {
  // Not waiting for the other end, should it be a pipe.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = await file.stat(); // of what was opened, not of what the path means by now
    if (!stats.isFile()) throw pinError('ERR_CRYPTOKI_PIN_SOURCE', `the PIN file ${path} is no regular file`);
    if (process.platform !== 'win32' && (stats.mode & mask) !== 0) {
      const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
      throw pinError(
        'ERR_CRYPTOKI_PIN_SOURCE',
        `others can read or change the PIN file ${path} (permissions ${mode}); make it its owner's alone ` +
          '(chmod 600), or set readableBy',
      );
    }
    return pinFromContent(await read(file), `the PIN file ${path}`);
  } finally {
    await file.close();
  }
}

/**
 * The PIN in a file: one line and nothing else. The file is read each time the PIN is asked for, so it can be changed
 * while the program runs.
 * @throws TypeError ERR_INVALID_ARG_TYPE; RangeError ERR_OUT_OF_RANGE. When asked: ERR_CRYPTOKI_PIN_NOT_FOUND without the
 *   file; ERR_CRYPTOKI_PIN_SOURCE when others can read it, or when it holds no PIN
 */
export function pinFromFile(path: string, options: PinFileOptions = {}): PinProvider {
  if (typeof path !== 'string' || path === '')
    throw argumentError(TypeError, 'the path of a PIN file must be a string');
  requireOptions(options, 'the options of pinFromFile', ['readableBy']);
  const readableBy = options.readableBy ?? 'owner';
  if (!Object.hasOwn(REFUSED, readableBy)) {
    throw argumentError(RangeError, 'readableBy must be "owner", "group" or "anyone"');
  }
  return async ({ signal }) => {
    signal?.throwIfAborted();
    try {
      return await readChecked(path, REFUSED[readableBy]);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT' || code === 'ENOTDIR') {
        throw pinError('ERR_CRYPTOKI_PIN_NOT_FOUND', `there is no PIN file ${path}`, error);
      }
      if (isError(error) && 'syscall' in error) {
        throw pinError('ERR_CRYPTOKI_PIN_SOURCE', `the PIN file ${path} cannot be read (${code})`, error);
      }
      throw error;
    }
  };
}
