import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { unknownName } from '../core/argument-errors';
import { requireOptions, requireString, requireText } from '../core/arguments';
import { isError } from '../core/realms';
import { MAX_CONTENT_BYTES, pinFromContent } from './content';
import { pinError } from './error';
import type { PinProvider } from './request';

/** Options of {@link pinFromFile}. */
export interface PinFileOptions {
  /**
   * The users who may have permission to read the file: its owner only (default), also its group, or anyone, which disables the
   * check (for secrets that are mounted into a container). Not checked on Windows, which does not have these permissions.
   */
  readonly readableBy?: 'owner' | 'group' | 'anyone' | undefined;
}

/** The permission bits that must not be set. */
const REFUSED = { owner: 0o077, group: 0o027, anyone: 0 } as const;

/** Reads the whole file, but at most one byte more than the limit of a PIN. */
async function read(file: FileHandle): Promise<Buffer> {
  const content = Buffer.alloc(MAX_CONTENT_BYTES + 1);
  let length = 0;
  for (let bytesRead = 1; bytesRead > 0 && length < content.length; length += bytesRead) {
    ({ bytesRead } = await file.read(content, length, content.length - length, null));
  }
  return content.subarray(0, length);
}

async function readChecked(path: string, mask: number): Promise<Buffer> {
  // With O_NONBLOCK it does not wait for the other end if the file is a pipe.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = await file.stat(); // of the open file: the path may lead to another one now
    if (!stats.isFile()) {
      throw pinError('ERR_CRYPTOKI_PIN_SOURCE', `the PIN file ${path} is not a regular file`);
    }
    if (process.platform !== 'win32' && (stats.mode & mask) !== 0) {
      const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
      throw pinError(
        'ERR_CRYPTOKI_PIN_SOURCE',
        `others can read or change the PIN file ${path} (permissions ${mode}); restrict it to its owner ` +
          '(chmod 600), or set readableBy',
      );
    }
    return pinFromContent(await read(file), `the PIN file ${path}`);
  } finally {
    await file.close();
  }
}

/**
 * Returns a provider of the PIN in a file that contains one line. The provider reads the file at each call, so it can be changed
 * while the program runs.
 * @throws TypeError ERR_INVALID_ARG_TYPE, TypeError ERR_INVALID_ARG_VALUE. The provider: ERR_CRYPTOKI_PIN_NOT_FOUND without the
 *   file; ERR_CRYPTOKI_PIN_SOURCE when others can read it, or when it does not contain a PIN
 */
export function pinFromFile(path: string, options: PinFileOptions = {}): PinProvider {
  requireText(path, 'the path of a PIN file');
  requireOptions(options, 'the options of pinFromFile', ['readableBy']);
  const readableBy = options.readableBy ?? 'owner';
  requireString(readableBy, 'readableBy');
  if (!Object.hasOwn(REFUSED, readableBy)) {
    throw unknownName('value', readableBy, Object.keys(REFUSED), { place: ' of readableBy' });
  }
  return async ({ signal }) => {
    signal?.throwIfAborted();
    try {
      return await readChecked(path, REFUSED[readableBy]);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT' || code === 'ENOTDIR') {
        throw pinError('ERR_CRYPTOKI_PIN_NOT_FOUND', `the PIN file ${path} does not exist`, error);
      }
      if (isError(error) && 'syscall' in error) {
        throw pinError('ERR_CRYPTOKI_PIN_SOURCE', `the PIN file ${path} cannot be read (${code})`, error);
      }
      throw error;
    }
  };
}
