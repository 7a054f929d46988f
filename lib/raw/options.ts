/** How a module is loaded. */
export interface LoadOptions {
  /**
   * Which OpenSSL the module finds. 'deepbind': its own (RTLD_DEEPBIND; glibc only); 'none': the one inside Node's
   * executable first; 'auto', the default: 'deepbind' where it is possible and malloc is not replaced.
   */
  isolation?: 'auto' | 'deepbind' | 'none' | undefined;
  /** 'auto', the default: the newest interface that the module has; '2.40': C_GetInterface is never called. */
  interface?: 'auto' | '2.40' | undefined;
}

/** How a module is initialised. */
export interface InitializeOptions {
  /**
   * 'os', the default: the module locks for itself; one that says it cannot, or is known not to, gets more. 'objects':
   * calls that touch objects, sessions or the login wait for each other. 'module': one call at a time.
   */
  locking?: 'os' | 'objects' | 'module' | undefined;
  /** A string for modules that take one in pReserved (NSS, YubiHSM). */
  libraryParameters?: string | undefined;
  /**
   * What becomes of signal handlers that the module exchanges in C_Initialize. 'keep', the default: the module's count, and
   * `process.on('SIGINT')` may hear nothing any more. 'restore': those that were there before are put back. (Not on Windows.)
   */
  signalHandlers?: 'keep' | 'restore' | undefined;
  /**
   * Whether exit handlers run at the end of the process that were registered before C_Initialize has returned: those of the
   * module, and of whatever else. 'run', the default. 'skip': for modules whose handlers hang or abort. In any case they do
   * not run while a call is still in a module a second after the end has begun. (Not on Windows.)
   */
  exitHandlers?: 'run' | 'skip' | undefined;
}
