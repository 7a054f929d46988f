import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { requireBoolean, requireObject, requireOptions } from '../core/arguments';
import type { Pkcs11Uri } from '../uri';
import { pinFromCommand } from './command';
import { pinError } from './error';
import { type PinFileOptions, pinFromFile } from './file';
import { fixedPin } from './fixed';
import type { PinProvider } from './request';

/** Options of {@link pinFromUri}. */
export interface PinUriOptions extends PinFileOptions {
  /** Allows pin-source=|/path/of/command, which runs that program. Default false, because a URI may come from an untrusted source. */
  readonly allowCommand?: boolean | undefined;
}

function toPath(source: string): string | undefined {
  if (!/^file:/i.test(source)) return isAbsolute(source) ? source : undefined;
  if (!/^file:\//i.test(source)) return undefined; // a file: URI must be absolute
  try {
    return fileURLToPath(source);
  } catch {
    return undefined; // a URI with another host, or with a wrong percent-encoding
  }
}

/**
 * Returns a provider of the PIN of a PKCS#11 URI (RFC 7512, section 2.4): its pin-value, or the PIN in its pin-source, which is a
 * `file:` URI, an absolute path, or `|` and the absolute path of a command that writes the PIN (run without shell or arguments).
 * @param uri a result of parseUri()
 * @throws ERR_CRYPTOKI_PIN_SOURCE for another pin-source, or a command that is not allowed; TypeError ERR_INVALID_ARG_TYPE,
 *   TypeError ERR_INVALID_ARG_VALUE. The provider: ERR_CRYPTOKI_PIN_NOT_FOUND when the URI has neither; else as {@link pinFromFile}
 */
export function pinFromUri(
  uri: Pick<Pkcs11Uri, 'pinSource' | 'pinValue'>,
  options: PinUriOptions = {},
): PinProvider {
  requireObject(uri, 'a parsed PKCS#11 URI');
  requireOptions(options, 'the options of pinFromUri', ['allowCommand', 'readableBy']);
  const { allowCommand = false, ...fileOptions } = options;
  requireBoolean(allowCommand, 'allowCommand');
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
        'pin-source names a command; set allowCommand: true to run it',
      );
    }
    if (isAbsolute(pinSource.slice(1))) return pinFromCommand(pinSource.slice(1));
  } else {
    const path = toPath(pinSource);
    if (path !== undefined) return pinFromFile(path, fileOptions);
  }
  // The error does not quote pin-source: a user who confuses it with pin-value writes the PIN there.
  throw pinError(
    'ERR_CRYPTOKI_PIN_SOURCE',
    'pin-source must be a file: URI of this host, an absolute path, or | and the absolute path of a command',
  );
}
