/** The options of load(). */
export interface LoadOptions {
  /**
   * The library to which the module's symbols are bound, in particular those of OpenSSL. 'deepbind': the dependencies of the
   * module (RTLD_DEEPBIND; glibc only); 'none': first the OpenSSL in Node's executable; 'auto', the default: 'deepbind' if the C
   * library supports it and malloc is not replaced.
   */
  symbolBinding?: 'auto' | 'deepbind' | 'none' | undefined;
  /** 'auto', the default: the newest interface of the module; '2.40': C_GetInterface is never called. */
  interface?: 'auto' | '2.40' | undefined;
}

/** The options of C_Initialize. */
export interface InitializeOptions {
  /**
   * 'os', the default: the module locks for itself, and a module that cannot gets a higher level. 'objects': calls that use
   * objects, sessions or the login run one at a time. 'module': all calls run one at a time.
   */
  locking?: 'os' | 'objects' | 'module' | undefined;
  /** The string in pReserved, for modules that need one (NSS, YubiHSM). */
  libraryParameters?: string | undefined;
  /**
   * The signal handlers after C_Initialize, if the module replaces some. 'keep', the default: those of the module, and
   * `process.on('SIGINT')` may not work. 'restore': those from before the call. (Not on Windows.)
   */
  signalHandlers?: 'keep' | 'restore' | undefined;
  /**
   * The exit handlers (of the module, and all others) that were registered before C_Initialize returned. 'run', the default:
   * they run at the end of the process. 'skip': they do not run, for modules whose handlers hang or abort. They never run if a
   * call is still in a module one second after the end of the process began. (Not on Windows.)
   */
  exitHandlers?: 'run' | 'skip' | undefined;
}
