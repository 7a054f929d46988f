import { isError } from '../core/realms';
import { readString, wrongCount } from './arguments';
import { makeAsyncMethod, makeCallbackMethod, makeMethod } from './call';
import type { Calls } from './calls';
import { NativeError } from './errors';
import { FUNCTIONS_240, PROTOTYPE_FUNCTIONS } from './functions';
import { FUNCTIONS_3 } from './functions-3';
import { Library } from './library';
import { SPECIALS } from './special';
import type { Handle, TemplateInput } from './types';

const names = Object.keys({ ...SPECIALS, ...FUNCTIONS_240, ...FUNCTIONS_3 });

export interface PKCS11 extends Calls {}

/**
 * A PKCS#11 module, with the functions of the specification under their names. All objects of one library share it, so
 * C_Initialize and C_Finalize apply to all of them.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the constructor defines the methods that the interface declares
export class PKCS11 {
  /** The path of the loaded module. */
  declare libPath: string;
  #library: Library | undefined;

  /**
   * @param libPath the path of a module, which the constructor loads
   * @throws NativeError like {@link load}
   */
  constructor(libPath?: string) {
    this.#defineFunctions();
    if (libPath !== undefined && libPath !== null) this.load(libPath);
  }

  /**
   * Loads a module, and then closes the one that was loaded before.
   * @param path file of the module, or a library name that the system searches for
   * @throws NativeError when it cannot be loaded, or is not a PKCS#11 module
   */
  load(path: string): void {
    if (path === undefined) throw wrongCount(1, 0);
    const file = readString(path, 0);
    const before = this.#library;
    try {
      this.#library = Library.acquire(file);
    } catch (cause) {
      throw new NativeError(isError(cause) ? cause.message : String(cause), '', { cause });
    }
    this.libPath = file;
    before?.release();
  }

  /**
   * Closes the module. If no other object uses it, it is finalised after the calls in flight. Does nothing if no module is
   * loaded.
   */
  close(): void {
    const library = this.#library;
    this.#library = undefined;
    library?.release();
  }

  /** PKCS#11 3.1, section 5.7.1. @throws TypeError, RangeError; Pkcs11Error */
  C_CreateObject(session: Handle, template: TemplateInput): Handle {
    const row = PROTOTYPE_FUNCTIONS.C_CreateObject;
    return makeMethod(this.#loaded, 'C_CreateObject', row)(session, template) as Handle;
  }

  /** PKCS#11 3.1, section 5.7.2. @throws TypeError, RangeError; Pkcs11Error */
  C_CopyObject(session: Handle, object: Handle, template: TemplateInput): Handle {
    const row = PROTOTYPE_FUNCTIONS.C_CopyObject;
    return makeMethod(this.#loaded, 'C_CopyObject', row)(session, object, template) as Handle;
  }

  /** PKCS#11 3.1, section 5.7.6. @throws TypeError, RangeError; Pkcs11Error */
  C_SetAttributeValue(session: Handle, object: Handle, template: TemplateInput): void {
    const row = PROTOTYPE_FUNCTIONS.C_SetAttributeValue;
    makeMethod(this.#loaded, 'C_SetAttributeValue', row)(session, object, template);
  }

  get #loaded(): () => Library {
    return () => {
      if (this.#library === undefined) throw new NativeError('PKCS11 module not loaded yet');
      return this.#library;
    };
  }

  /** Defines each function as an own property of the object, because programs enumerate them. */
  #defineFunctions(): void {
    const loaded = this.#loaded;
    const methods = this as unknown as Record<string, (...values: unknown[]) => unknown>;
    for (const name of names) {
      const special = SPECIALS[name];
      if (special !== undefined) {
        methods[name] = (...values) => special(loaded(), values);
        continue;
      }
      const row = FUNCTIONS_240[name] ?? FUNCTIONS_3[name];
      if (row === undefined) continue;
      methods[name] = makeMethod(loaded, name, row);
      if (!row.isAsync) continue;
      methods[`${name}Callback`] = makeCallbackMethod(loaded, name, row);
      methods[`${name}Async`] = makeAsyncMethod(loaded, name, row);
    }
  }
}
