import { createHash } from 'node:crypto';
import { isDataView } from '../core/realms';
import type { RawModule } from '../raw';
import { bytesOf } from './arguments';
import { returned, tooSmall } from './errors';

/**
 * The results that did not fit into the output of their call. CKR_BUFFER_TOO_SMALL does not end an operation, and the program
 * repeats the call with a larger buffer. cryptoki/raw has received the whole result in the first call, so it is kept here until
 * the repetition.
 */

interface KeptResult {
  readonly method: string;
  /** Digest of the input: only the same call may get the result. */
  readonly input: string;
  readonly result: Buffer;
}

const VERBS = /^C_(Encrypt|Decrypt|Digest|Sign|Verify)/;

/** Returns a name for the operation to which a function belongs. A session can have one active operation of each. */
function operationOf(session: bigint, method: string): string | undefined {
  const verb = VERBS.exec(method)?.[1];
  return verb === undefined || method.includes('Message') ? undefined : `${session} ${verb}`;
}

function digestOf(input: readonly ArrayBufferView[]): string {
  const hash = createHash('sha256');
  for (const view of input) hash.update(`${view.byteLength} `).update(bytesOf(view));
  return hash.digest('base64');
}

/** Returns the first `length` bytes of a view, as a view of the same class. */
export function head(view: ArrayBufferView, length: number): ArrayBufferView {
  if (isDataView(view)) return new DataView(view.buffer, view.byteOffset, length);
  const array = view as Uint8Array;
  return array.subarray(0, Math.ceil(length / array.BYTES_PER_ELEMENT));
}

/** The kept results of the sessions of a library. */
export class Results {
  readonly #kept = new Map<string, KeptResult>();

  /**
   * Returns and removes the kept result of an earlier identical call. It must be called before each call.
   * @throws Pkcs11Error CKR_OPERATION_ACTIVE for the start of another operation of the same kind; CKR_BUFFER_TOO_SMALL for
   *   another part of the message while the result for the previous part is still kept
   */
  take(session: bigint, method: string, input: readonly ArrayBufferView[]): Buffer | undefined {
    if (this.#kept.size === 0) return undefined;
    const operation = operationOf(session, method);
    const kept = operation === undefined ? undefined : this.#kept.get(operation);
    if (operation === undefined || kept === undefined) return undefined;
    if (method.endsWith('Init')) throw returned('OPERATION_ACTIVE', method);
    if (kept.method === method && kept.input === digestOf(input)) {
      this.#kept.delete(operation);
      return kept.result;
    }
    if (kept.method.endsWith('Update')) throw tooSmall(method, kept.result.length);
    this.#drop(operation); // the operation has ended in the module, which returns the error
    return undefined;
  }

  /**
   * Copies a result into the caller's buffer, or keeps it if it does not fit.
   * @returns the part of the buffer that it fills
   * @throws Pkcs11Error CKR_BUFFER_TOO_SMALL
   */
  deliver(
    session: bigint,
    method: string,
    input: readonly ArrayBufferView[],
    result: Buffer,
    output: ArrayBufferView,
  ): ArrayBufferView {
    if (result.length <= output.byteLength) {
      result.copy(bytesOf(output));
      return head(output, result.length);
    }
    const operation = operationOf(session, method);
    if (operation !== undefined) {
      this.#drop(operation);
      this.#kept.set(operation, { method, input: digestOf(input), result });
    }
    throw tooSmall(method, result.length);
  }

  /** Drops the results of closed sessions. */
  sweep(raw: RawModule): void {
    for (const operation of this.#kept.keys()) {
      if (raw.sessionState(BigInt(operation.split(' ')[0] ?? '0')) === undefined) this.#drop(operation);
    }
  }

  /** Drops all results. */
  clear(): void {
    for (const operation of this.#kept.keys()) this.#drop(operation);
  }

  #drop(operation: string): void {
    this.#kept.get(operation)?.result.fill(0); // the result can be plaintext
    this.#kept.delete(operation);
  }
}
