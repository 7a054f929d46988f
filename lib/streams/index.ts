export { CipherStream } from './cipher-stream';
export type { StreamOptions } from './common';
export { DigestStream, SignStream, VerifyStream } from './message-stream';
