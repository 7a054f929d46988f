import { requireObject, requireOptions } from '../core/arguments';
import type { Pkcs11Uri, UriResource } from './types';

const PARTS = ['library', 'slot', 'token', 'object', 'vendor'] as const;

function requireUri(uri: unknown): void {
  requireObject(uri, 'the URI');
  for (const part of PARTS) requireObject((uri as Record<string, unknown>)[part], `the URI's "${part}"`);
  requireObject((uri as Pkcs11Uri).vendor.path, `the URI's "vendor.path"`);
}

/**
 * Returns true if a resource matches a URI (RFC 7512, section 2.5). Each part of the resource that is present is compared: all
 * attributes in the URI that belong to it must be equal. Absent parts are not compared: for a token alone, the slot's
 * description in the URI has no effect. The query of the URI has no effect.
 * @param uri a result of parseUri()
 * @throws TypeError ERR_INVALID_ARG_TYPE
 */
export function matchesUri(uri: Pkcs11Uri, resource: UriResource): boolean {
  requireOptions(resource, 'the parts of the resource', PARTS);
  requireUri(uri);
  const { library, slot, token, object, vendor = {} } = resource;
  const matches = (wanted: object, actual: object): boolean =>
    Object.entries(wanted).every(([name, value]) => {
      const found = (actual as Record<string, unknown>)[name];
      return Buffer.isBuffer(value) ? Buffer.isBuffer(found) && value.equals(found) : value === found;
    });
  const { slot: slotId, ...tokenTexts } = uri.token;
  const { version, ...libraryTexts } = uri.library;
  const isSameSlot = slotId === undefined || slotId === (slot?.id ?? token?.slot?.id);
  return (
    (library === undefined ||
      (matches(libraryTexts, library) && matches(version ?? {}, library.libraryVersion))) &&
    ((slot === undefined && token === undefined) || isSameSlot) &&
    (slot === undefined || matches(uri.slot, slot)) &&
    (token === undefined || matches(tokenTexts, token)) &&
    (object === undefined || matches(uri.object, object)) &&
    matches(uri.vendor.path, vendor)
  );
}
