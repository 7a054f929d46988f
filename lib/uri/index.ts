/** PKCS#11 URIs (RFC 7512). */
export { equalUris, formatUri } from './format';
export { matchesUri } from './match';
export { parseUri } from './parse';
export type { Pkcs11Uri, UriResource } from './types';
