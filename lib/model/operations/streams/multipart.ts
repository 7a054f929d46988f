import { CryptokiError, isCode } from '../../../core/errors';
import { CKR, CKU } from '../../../generated/constants';
import type { RawMechanism } from '../../../raw';
import { type ContextLogin, explained, loggedInFor } from '../../login/context-login';
import type { ModelObject, ModelSession } from '../../model-types';
import type { MultipartFunctions } from './multipart-functions';
import type { Sink } from './part-sink';

/** Sessions that a stream uses. */
const active = new WeakSet<ModelSession>();

/** Errors of modules for an Update that they do not support for the mechanism. */
const NO_UPDATE = ['CKR_OPERATION_NOT_INITIALIZED', 'CKR_FUNCTION_NOT_SUPPORTED', 'CKR_MECHANISM_INVALID'];

/** The arguments of {@link Multipart.begin}. */
export interface MultipartArguments<T> {
  readonly functions: MultipartFunctions<T>;
  readonly session: ModelSession;
  readonly mechanism: RawMechanism;
  /** Absent for digests. */
  readonly key?: ModelObject | undefined;
  readonly login?: ContextLogin | undefined;
}

/** A multi-part operation on one session: Init, Update for each part, Final. */
export class Multipart<T> implements Sink<T> {
  readonly usesSession = true;
  readonly #functions: MultipartFunctions<T>;
  readonly #session: ModelSession;
  readonly #key: ModelObject | undefined;
  readonly #mechanism: RawMechanism;
  #isOver = false;
  #parts = 0;
  #bytes = 0;

  private constructor({ functions, session, key, mechanism }: MultipartArguments<T>) {
    this.#functions = functions;
    this.#session = session;
    this.#key = key;
    this.#mechanism = mechanism;
  }

  /**
   * Begins an operation: calls the Init function and, with a PIN, C_Login with CKU_CONTEXT_SPECIFIC.
   * @throws CKR_OPERATION_ACTIVE without a call, if a stream already uses the session
   */
  static async begin<T>(args: MultipartArguments<T>): Promise<Multipart<T>> {
    const { functions, session, mechanism, key, login } = args;
    const use = () => (key === undefined ? session.use() : key.use());
    use();
    refuseSecond(functions, session);
    active.add(session);
    const operation = new Multipart(args);
    let isInitialised = false;
    const init = async (): Promise<void> => {
      if (key !== undefined) await functions.prepare?.(key, mechanism);
      await functions.init(use(), session.name, mechanism, key?.handle ?? 0n);
      isInitialised = true;
    };
    try {
      if (key === undefined) {
        await init();
      } else {
        await loggedInFor(key, login, async (pin) => {
          await init();
          if (pin !== undefined) await use().C_Login(session.name, CKU.CONTEXT_SPECIFIC, pin);
          return Buffer.alloc(0);
        });
      }
      return operation;
    } catch (error) {
      if (isInitialised) await operation.cancel();
      else operation.#release();
      throw error;
    }
  }

  async update(part: readonly Uint8Array[]): Promise<Buffer | undefined> {
    for (const piece of part) this.#bytes += piece.byteLength;
    try {
      const output = await this.#functions.update(this.#session.use(), this.#session.name, part);
      this.#parts += 1;
      return output;
    } catch (error) {
      throw this.#explained(error);
    }
  }

  async final(signature: Buffer | undefined): Promise<T> {
    const key = this.#key;
    try {
      const early =
        key === undefined || signature === undefined
          ? undefined
          : await this.#functions.early?.(key, this.#mechanism, signature);
      if (early !== undefined) {
        await this.cancel();
        return early;
      }
      const lengthError = this.#functions.lengthError?.(this.#mechanism, this.#bytes);
      if (lengthError !== undefined) {
        await this.cancel();
        throw lengthError;
      }
      const result = await this.#functions.final(this.#session.use(), this.#session.name, signature);
      this.#release();
      if (key === undefined || this.#functions.finish === undefined) return result;
      return await this.#functions.finish(key, this.#mechanism, result);
    } catch (error) {
      throw this.#explained(error);
    }
  }

  async cancel(): Promise<void> {
    if (this.#isOver) return;
    try {
      if (this.#session.closed) return;
      const raw = this.#session.use();
      // If the operation may still be active, the session cannot be used for another one.
      if (!(await raw.endOperations(this.#session.name, this.#functions.flag))) await this.#session.close();
    } catch {
      // The session was lost in the meantime, which ended the operation.
    } finally {
      this.#release();
    }
  }

  /** Allows the next stream to use the session. */
  #release(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    active.delete(this.#session);
  }

  #explained(error: unknown): unknown {
    if (this.#parts === 0 && isCode(error, ...NO_UPDATE)) {
      const { name } = this.#functions;
      return new CryptokiError({
        rv: error.rv,
        function: error.function,
        detail: `the token seems to support this mechanism in one piece only; use ${name.toLowerCase()}()`,
        action: error.action,
        cause: error,
      });
    }
    return this.#key === undefined ? error : explained(this.#key, error);
  }
}

function refuseSecond({ name }: MultipartFunctions<unknown>, session: ModelSession): void {
  if (!active.has(session)) return;
  throw new CryptokiError({
    rv: CKR.OPERATION_ACTIVE,
    function: `C_${name}Init`,
    detail:
      'a stream already uses this session; end it first, or use another session, or a client, which has several',
  });
}
