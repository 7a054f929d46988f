import { CryptokiError, isCode } from '../../../core/errors';
import { CKR, CKU } from '../../../generated/constants';
import type { RawMechanism } from '../../../raw';
import { type ContextLogin, explained, loggedInFor } from '../../login/context-login';
import type { ModelObject, ModelSession } from '../../model-types';
import type { Kind } from './multipart-functions';
import type { Sink } from './part-sink';

/** Sessions with a stream under way. */
const active = new WeakSet<ModelSession>();

/** What a module says of an Update that it does not have for the mechanism. */
const NO_UPDATE = ['CKR_OPERATION_NOT_INITIALIZED', 'CKR_FUNCTION_NOT_SUPPORTED', 'CKR_MECHANISM_INVALID'];

/** What is to be begun. */
export interface Begin<T> {
  readonly kind: Kind<T>;
  readonly session: ModelSession;
  readonly mechanism: RawMechanism;
  /** Not for digests. */
  readonly key?: ModelObject | undefined;
  readonly login?: ContextLogin | undefined;
}

/** A multi-part operation on one session: Init, Update for each part, Final. */
export class Multipart<T> implements Sink<T> {
  readonly usesSession = true;
  readonly #kind: Kind<T>;
  readonly #session: ModelSession;
  readonly #key: ModelObject | undefined;
  readonly #mechanism: RawMechanism;
  #isOver = false;
  #parts = 0;
  #bytes = 0;

  private constructor({ kind, session, key, mechanism }: Begin<T>) {
    this.#kind = kind;
    this.#session = session;
    this.#key = key;
    this.#mechanism = mechanism;
  }

  /**
   * Begins it: the Init function and, with a PIN, C_Login with CKU_CONTEXT_SPECIFIC.
   * @throws CKR_OPERATION_ACTIVE without a call, when a stream is under way on the session
   */
  static async begin<T>(begin: Begin<T>): Promise<Multipart<T>> {
    const { kind, session, mechanism, key, login } = begin;
    const use = () => (key === undefined ? session.use() : key.use());
    use();
    refuseSecond(kind, session);
    active.add(session);
    const operation = new Multipart(begin);
    let isInitialised = false;
    const init = async (): Promise<void> => {
      if (key !== undefined) await kind.prepare?.(key, mechanism);
      await kind.init(use(), session.name, mechanism, key?.handle ?? 0n);
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
      else operation.#over();
      throw error;
    }
  }

  async update(part: readonly Uint8Array[]): Promise<Buffer | undefined> {
    for (const piece of part) this.#bytes += piece.byteLength;
    try {
      const output = await this.#kind.update(this.#session.use(), this.#session.name, part);
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
          : await this.#kind.early?.(key, this.#mechanism, signature);
      if (early !== undefined) {
        await this.cancel();
        return early;
      }
      const wrong = this.#kind.wrong?.(this.#mechanism, this.#bytes);
      if (wrong !== undefined) {
        await this.cancel();
        throw wrong;
      }
      const result = await this.#kind.final(this.#session.use(), this.#session.name, signature);
      this.#over();
      if (key === undefined || this.#kind.finish === undefined) return result;
      return await this.#kind.finish(key, this.#mechanism, result);
    } catch (error) {
      throw this.#explained(error);
    }
  }

  async cancel(): Promise<void> {
    if (this.#isOver) return;
    try {
      if (this.#session.closed) return;
      const raw = this.#session.use();
      // While the operation may be active, nothing else can be done on the session.
      if (!(await raw.endOperations(this.#session.name, this.#kind.flag))) await this.#session.close();
    } catch {
      // The session was lost meanwhile, and the operation with it.
    } finally {
      this.#over();
    }
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    active.delete(this.#session);
  }

  #explained(error: unknown): unknown {
    if (this.#parts === 0 && isCode(error, ...NO_UPDATE)) {
      const { name } = this.#kind;
      return new CryptokiError({
        rv: error.rv,
        function: error.function,
        detail: `the token seems to do this mechanism in one piece only: use ${name.toLowerCase()}()`,
        action: error.action,
        cause: error,
      });
    }
    return this.#key === undefined ? error : explained(this.#key, error);
  }
}

function refuseSecond({ name }: Kind<unknown>, session: ModelSession): void {
  if (!active.has(session)) return;
  throw new CryptokiError({
    rv: CKR.OPERATION_ACTIVE,
    function: `C_${name}Init`,
    detail:
      'a stream is under way on this session: end it first, or use another session, or the client, which has several',
  });
}
