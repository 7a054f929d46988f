import type { BytesLike } from '../raw/values';

/** A PIN: bytes can be overwritten by the caller afterwards, a string stays in memory until it is collected. */
export type Pin = string | BytesLike;
