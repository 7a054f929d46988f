import type { BytesLike } from '../raw/values';

/** A PIN. The caller can overwrite bytes after use, but a string stays in memory until it is collected. */
export type Pin = string | BytesLike;
