import { requireObject, requireOptions } from '../core/arguments';
import type { Pkcs11Uri, UriResource } from './types';

const PARTS = ['library', 'slot', 'token', 'object', 'vendor'] as const;

function requireUri(uri: unknown): void {
  requireObject(uri, 'the URI');
  for (const part of PARTS) requireObject((uri as Record<string, unknown>)[part], `the URI's "${part}"`);
  requireObject((uri as Pkcs11Uri).vendor.path, `the URI's "vendor.path"`);
}

/**
 * Whether a resource fits a URI (RFC 7512, section 2.5). Every part of the resource that is given is compared: each
 * attribute that the URI names for it must be equal. Parts that are not given do not count: a token alone is not asked for
 * its slot's description. The query says nothing about what fits.
 * @param uri what parseUri() gave
 * @throws TypeError ERR_INVALID_ARG_TYPE
 */
export function matchesUri(uri: Pkcs11Uri, resource: UriResource): boolean {
  requireOptions(resource, 'the parts of the resource', PARTS);
  requireUri(uri);
  const { library, slot, token, object, vendor = {} } = resource;
  const fits = (wanted: object, actual: object): boolean =>
    Object.entries(wanted).every(([name, value]) => {
      const other = (actual as Record<string, unknown>)[name];
      return Buffer.isBuffer(value) ? Buffer.isBuffer(other) && value.equals(other) : value === other;
    });
  const { slot: slotId, ...tokenTexts } = uri.token;
  const { version, ...libraryTexts } = uri.library;
  const isSlot = slotId === undefined || slotId === (slot?.id ?? token?.slot?.id);
  return (
    (library === undefined || (fits(libraryTexts, library) && fits(version ?? {}, library.libraryVersion))) &&
    ((slot === undefined && token === undefined) || isSlot) &&
    (slot === undefined || fits(uri.slot, slot)) &&
    (token === undefined || fits(tokenTexts, token)) &&
    (object === undefined || fits(uri.object, object)) &&
    fits(uri.vendor.path, vendor)
  );
}
