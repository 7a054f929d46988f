import { createHash } from 'node:crypto';
import { isDataView } from '../core/realms';
import type { RawModule } from '../raw';
import { bytesOf } from './arguments';
import { returned, tooSmall } from './errors';

/**
 * CKR_BUFFER_TOO_SMALL leaves an operation active, and the program makes the call again with a larger buffer. By then
 * cryptoki/raw has got the whole result from the module, so it is kept here until it is asked for again.
 */

interface Kept {
  readonly method: string;
  /** Digest of what went in: only the same call may have the result. */
  readonly input: string;
  readonly result: Buffer;
}

const VERBS = /^C_(Encrypt|Decrypt|Digest|Sign|Verify)/;

/** The operation that a function belongs to: one of each can be active in a session. */
function operationOf(session: bigint, method: string): string | undefined {
  const verb = VERBS.exec(method)?.[1];
  return verb === undefined || method.includes('Message') ? undefined : `${session} ${verb}`;
}

function digestOf(input: readonly ArrayBufferView[]): string {
  const hash = createHash('sha256');
  for (const view of input) hash.update(`${view.byteLength} `).update(bytesOf(view));
  return hash.digest('base64');
}

/** The first `length` bytes of a view, as a view of the same class. */
export function head(view: ArrayBufferView, length: number): ArrayBufferView {
  if (isDataView(view)) return new DataView(view.buffer, view.byteOffset, length);
  const array = view as Uint8Array;
  return array.subarray(0, Math.ceil(length / array.BYTES_PER_ELEMENT));
}

/** Results that did not fit, of the sessions of one library. */
export class Results {
  readonly #kept = new Map<string, Kept>();

  /**
   * Before a call: the result of the same call, made before with a buffer that was too small.
   * @throws Pkcs11Error CKR_OPERATION_ACTIVE for the beginning of another operation of the kind; CKR_BUFFER_TOO_SMALL
   *   for another part of the message before the result of this one has been fetched
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
    this.#drop(operation); // the module's operation has ended; it says so itself
    return undefined;
  }

  /**
   * Puts a result into the caller's buffer.
   * @returns the part of the buffer that it fills
   * @throws Pkcs11Error CKR_BUFFER_TOO_SMALL, having kept the result
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

  /** Forgets the results of sessions that are closed. */
  sweep(raw: RawModule): void {
    for (const operation of this.#kept.keys()) {
      if (raw.sessionState(BigInt(operation.split(' ')[0] ?? '0')) === undefined) this.#drop(operation);
    }
  }

  /** Forgets all. */
  clear(): void {
    for (const operation of this.#kept.keys()) this.#drop(operation);
  }

  #drop(operation: string): void {
    this.#kept.get(operation)?.result.fill(0); // it can be plaintext
    this.#kept.delete(operation);
  }
}
