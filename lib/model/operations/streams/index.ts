export { CipherStream } from './cipher-stream';
export { DigestStream, SignStream, VerifyStream } from './message-stream';
export type { StreamOptions } from './stream-options';
