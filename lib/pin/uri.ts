import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { argumentError, requireObject, requireOptions } from '../core/arguments';
import type { Pkcs11Uri } from '../uri';
import { pinFromCommand } from './command';
import { pinError } from './error';
import { type PinFileOptions, pinFromFile } from './file';
import { fixedPin } from './fixed';
import type { PinProvider } from './request';

/** Options of {@link pinFromUri}. */
export interface PinUriOptions extends PinFileOptions {
  /** Allow pin-source=|/path/of/command, which runs that program. Default false: a URI is data, and may come from afar. */
  readonly allowCommand?: boolean | undefined;
}

function toPath(source: string): string | undefined {
  if (!/^file:/i.test(source)) return isAbsolute(source) ? source : undefined;
  if (!/^file:\//i.test(source)) return undefined; // relative, which a file: URI cannot be
  try {
    return fileURLToPath(source);
  } catch {
    return undefined; // on another host, or with a broken percent-encoding
  }
}

/**
 * The PIN of a PKCS#11 URI (RFC 7512, section 2.4): its pin-value, or what its pin-source names: a `file:` URI, an absolute
 * path, or `|` and the absolute path of a command that writes the PIN, run without a shell or arguments.
 * @param uri of parseUri()
 * @throws ERR_CRYPTOKI_PIN_SOURCE for another pin-source, or a command that is not allowed; TypeError ERR_INVALID_ARG_TYPE.
 *   When asked: ERR_CRYPTOKI_PIN_NOT_FOUND when the URI has neither; else as {@link pinFromFile}
 */
export function pinFromUri(
  uri: Pick<Pkcs11Uri, 'pinSource' | 'pinValue'>,
  options: PinUriOptions = {},
): PinProvider {
  requireObject(uri, 'a parsed PKCS#11 URI');
  requireOptions(options, 'the options of pinFromUri', ['allowCommand', 'readableBy']);
  const { allowCommand = false, ...fileOptions } = options;
  if (typeof allowCommand !== 'boolean') throw argumentError(TypeError, 'allowCommand must be a boolean');
  const { pinSource, pinValue } = uri;
  if (pinValue !== undefined) return fixedPin(pinValue);
  if (pinSource === undefined) {
    return () => {
      throw pinError('ERR_CRYPTOKI_PIN_NOT_FOUND', 'the PKCS#11 URI has neither pin-value nor pin-source');
    };
  }
  if (pinSource.startsWith('|')) {
    if (!allowCommand) {
      throw pinError(
        'ERR_CRYPTOKI_PIN_SOURCE',
        'pin-source names a command, which only runs with allowCommand: true',
      );
    }
    if (isAbsolute(pinSource.slice(1))) return pinFromCommand(pinSource.slice(1));
  } else {
    const path = toPath(pinSource);
    if (path !== undefined) return pinFromFile(path, fileOptions);
  }
  // Not repeated here: who mistook it for pin-value wrote the PIN there.
  throw pinError(
    'ERR_CRYPTOKI_PIN_SOURCE',
    'pin-source must be a file: URI on this host, an absolute path, or | and the absolute path of a command',
  );
}
