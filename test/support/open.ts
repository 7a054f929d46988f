import { Module, type Session, type Token } from 'cryptoki';
import { createToken, type TestToken } from './token';

/** A token of this test file, its module, and a read/write session on which the user is logged in. */
export interface Opened {
  readonly test: TestToken;
  readonly module: Module;
  readonly token: Token;
  readonly session: Session;
  /** Closes the module and removes the token. */
  close(): Promise<void>;
}

/** Call it in beforeAll. */
export async function openToken(label = 'test'): Promise<Opened> {
  const test = await createToken(label);
  const module = await Module.open(test.module);
  const token = await module.token({ label });
  const session = await token.openSession({ readWrite: true });
  await session.login(test.pin);
  return {
    test,
    module,
    token,
    session,
    close: async () => {
      await module.close();
      test.remove();
    },
  };
}

/** Passes a value of a type that is not declared, as a caller without TypeScript can. */
export function wrong<T>(value: unknown): T {
  return value as T;
}

/** Returns the error with which a promise rejects or that a function throws. */
export async function failure(
  action: Promise<unknown> | (() => unknown),
): Promise<Error & { code?: string }> {
  try {
    await (typeof action === 'function' ? action() : action);
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('expected an Error');
}
