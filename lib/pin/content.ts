import { pinError } from './error';
import { copyBytes } from './fixed';

/** The limit of the content of a source, in bytes: longer content is not a PIN. */
export const MAX_CONTENT_BYTES = 4096;

/**
 * Returns the PIN in the content of a file or the output of a command: one line, without its end. Refuses content that cannot be
 * a PIN, because each wrong PIN costs a try. Overwrites the content.
 * @param source the noun for the source in errors
 * @throws ERR_CRYPTOKI_PIN_SOURCE
 */
export function pinFromContent(content: Buffer, source: string): Buffer {
  try {
    const refusal = (problem: string) => pinError('ERR_CRYPTOKI_PIN_SOURCE', `${source} ${problem}`);
    if (content.length > MAX_CONTENT_BYTES) throw refusal(`is longer than ${MAX_CONTENT_BYTES} bytes`);
    let end = content.length;
    if (content[end - 1] === 0x0a) end--;
    if (content[end - 1] === 0x0d) end--;
    const pin = content.subarray(0, end);
    if (pin.length === 0) throw refusal('is empty');
    if (pin.includes(0) || (pin[0] === 0xef && pin[1] === 0xbb && pin[2] === 0xbf)) {
      throw refusal('is not plain text; save it as UTF-8 without a byte order mark');
    }
    if (pin.includes(0x0a)) throw refusal('has more than one line; it must contain the PIN only');
    return copyBytes(pin);
  } finally {
    content.fill(0);
  }
}
