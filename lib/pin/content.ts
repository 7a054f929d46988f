import { pinError } from './error';
import { copyBytes } from './fixed';

/** No PIN is longer; what is, is something else. In bytes. */
export const MAX_CONTENT = 4096;

/**
 * The PIN in what a file holds or a command writes: one line, its end left out. Refuses what is sure to be no PIN, since
 * each wrong one costs a try. The content is overwritten.
 * @param called how the source is named in errors
 * @throws ERR_CRYPTOKI_PIN_SOURCE
 */
export function pinFromContent(content: Buffer, called: string): Buffer {
  try {
    const refuse = (what: string) => pinError('ERR_CRYPTOKI_PIN_SOURCE', `${called} ${what}`);
    if (content.length > MAX_CONTENT) throw refuse(`is longer than ${MAX_CONTENT} bytes`);
    let end = content.length;
    if (content[end - 1] === 0x0a) end--;
    if (content[end - 1] === 0x0d) end--;
    const pin = content.subarray(0, end);
    if (pin.length === 0) throw refuse('is empty');
    if (pin.includes(0) || (pin[0] === 0xef && pin[1] === 0xbb && pin[2] === 0xbf)) {
      throw refuse('is not plain text: save it as UTF-8 without a byte order mark');
    }
    if (pin.includes(0x0a)) throw refuse('has more than one line; it must hold the PIN and nothing else');
    return copyBytes(pin);
  } finally {
    content.fill(0);
  }
}
