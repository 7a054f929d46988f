import { realpathSync } from 'node:fs';
import { loadSync, type RawModule } from '../raw';
import { Results } from './results';

/**
 * A loaded module. In C, and in pkcs11js, all users of a library in the process share it: it is initialised once, has the same
 * sessions for all, and is finalised for all. So all {@link PKCS11} objects of a thread with one path share a Library.
 */
export class Library {
  readonly path: string;
  readonly raw: RawModule;
  /** The results that were too long for the output of their call. */
  readonly results = new Results();
  readonly #key: string;
  #users = 0;

  private constructor(path: string, key: string) {
    this.path = path;
    this.#key = key;
    this.raw = loadSync(path);
  }

  /**
   * Returns the library at `path`, and loads it if necessary. The caller must {@link release} it.
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
   * Ends one use. In C the last user unloads the library, and with it all its state. Here the module is finalised after the
   * calls in flight.
   */
  release(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    libraries.delete(this.#key);
    this.results.clear();
    try {
      this.raw.C_FinalizeSync();
    } catch {
      // The module was not initialised, or has been finalised.
    }
  }
}

const libraries = new Map<string, Library>();

/** Returns the real path, so that links to one file are one library. The system searches for a name without a path. */
function keyOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
