import { realpathSync } from 'node:fs';
import { loadSync, type RawModule } from '../raw';
import { Results } from './results';

/**
 * A loaded module. In C, and in pkcs11js, everybody in the process who loads a library has the same one: initialised
 * once, with the same sessions, and finalised for all. So all {@link PKCS11} objects of a thread share it by its path.
 */
export class Library {
  readonly path: string;
  readonly raw: RawModule;
  /** Results that were too long for the buffer they were asked into. */
  readonly results = new Results();
  readonly #key: string;
  #users = 0;

  private constructor(path: string, key: string) {
    this.path = path;
    this.#key = key;
    this.raw = loadSync(path);
  }

  /**
   * The library, loaded; {@link release} it.
   * @throws CryptokiError ERR_CRYPTOKI_MODULE_NOT_FOUND, ERR_CRYPTOKI_MODULE_LOAD, ERR_CRYPTOKI_MODULE_NOT_PKCS11
   */
  static acquire(path: string): Library {
    const key = keyOf(path);
    let library = libraries.get(key);
    if (library === undefined) {
      library = new Library(path, key);
      libraries.set(key, library);
    }
    library.#users += 1;
    return library;
  }

  /**
   * Lets go of it. In C the last one would unload the library, and with it all its state: here it is finalised, after
   * the calls in flight.
   */
  release(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    libraries.delete(this.#key);
    this.results.clear();
    try {
      this.raw.C_FinalizeSync();
    } catch {
      // It was not initialised, or has been finalised.
    }
  }
}

const libraries = new Map<string, Library>();

/** Links to one file are one library; a bare name is looked up by the system. */
function keyOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
