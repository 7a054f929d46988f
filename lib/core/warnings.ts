/** The codes of the process warnings of this package. */
export type WarningCode =
  /** TLS may choose a signature algorithm that the token cannot make. */
  | 'CRYPTOKI_TLS_SIGALGS'
  /** The module has replaced the IV of the caller for AES-GCM. */
  | 'CRYPTOKI_IV_FROM_MODULE'
  /** A stream was collected that was neither ended nor destroyed. */
  | 'CRYPTOKI_STREAM_LEAK'
  /** A session object of a client was collected that was not disposed of. */
  | 'CRYPTOKI_OBJECT_LEAK'
  /** A token has refused read/write sessions. */
  | 'CRYPTOKI_READ_ONLY'
  /** A login on a token applies to one session only. */
  | 'CRYPTOKI_LOGIN_PER_SESSION';

/** Emits a process warning of the type CryptokiWarning. @param message a sentence without its final stop */
export function emitWarning(code: WarningCode, message: string): void {
  process.emitWarning(message, { type: 'CryptokiWarning', code });
}
