import type { Named } from '../generated/attributes';
import type { RawVersion } from '../raw/values';

/** A PKCS#11 URI (RFC 7512). An attribute that the URI does not name is absent, and matches every value. */
export interface Pkcs11Uri {
  /** token, manufacturer, serial, model and slot-id: a TokenSelector. */
  readonly token: {
    readonly label?: string;
    readonly manufacturer?: string;
    readonly serialNumber?: string;
    readonly model?: string;
    /** slot-id. Many modules renumber their slots at each start. */
    readonly slot?: bigint;
  };
  /** library-manufacturer, library-description and library-version, as in C_GetInfo. */
  readonly library: {
    readonly manufacturer?: string;
    readonly description?: string;
    readonly version?: Readonly<RawVersion>;
  };
  /** slot-description and slot-manufacturer, as in C_GetSlotInfo. */
  readonly slot: { readonly description?: string; readonly manufacturer?: string };
  /** object, type and id: attributes to search by. */
  readonly object: { readonly label?: string; readonly class?: Named<'CKO'>; readonly id?: Buffer };
  /** pin-source: the place of the PIN. */
  readonly pinSource?: string | undefined;
  /**
   * pin-value: the PIN itself. util.inspect and JSON.stringify show '(redacted)' in place of it, and copies of a parsed URI do not
   * have it.
   */
  readonly pinValue?: string | undefined;
  /** module-name: name of the module without path, prefix and suffix. */
  readonly moduleName?: string | undefined;
  /** module-path: the path of the module, or of its folder. */
  readonly modulePath?: string | undefined;
  /** Attributes that RFC 7512 does not define; those of the query may occur more than once. */
  readonly vendor: {
    readonly path: Readonly<Record<string, string>>;
    readonly query: Readonly<Record<string, readonly string[]>>;
  };
}

/** The resource that matchesUri() compares with a URI. A Token, and the results of info() of a module or slot, can be its parts. */
export interface UriResource {
  readonly library?:
    | { readonly manufacturer: string; readonly description: string; readonly libraryVersion: RawVersion }
    | undefined;
  readonly slot?:
    | { readonly description: string; readonly manufacturer: string; readonly id?: bigint }
    | undefined;
  readonly token?:
    | {
        readonly label: string;
        readonly serialNumber: string;
        readonly model: string;
        readonly manufacturer: string;
        readonly slot?: { readonly id: bigint };
      }
    | undefined;
  readonly object?:
    | {
        readonly label?: string | undefined;
        readonly class?: Named<'CKO'> | undefined;
        readonly id?: Buffer | undefined;
      }
    | undefined;
  /** Vendor attributes of the path that the caller supports. A URI with others does not match (RFC 7512, section 2.5). */
  readonly vendor?: Readonly<Record<string, string>> | undefined;
}
