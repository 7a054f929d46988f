import type { Named } from '../generated/attributes';
import type { RawVersion } from '../raw/values';

/** A PKCS#11 URI (RFC 7512). What the URI does not name is absent, and anything fits there. */
export interface Pkcs11Uri {
  /** token, manufacturer, serial, model and slot-id: a TokenSelector. */
  readonly token: {
    readonly label?: string;
    readonly manufacturer?: string;
    readonly serialNumber?: string;
    readonly model?: string;
    /** slot-id. Many modules number slots anew at each start. */
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
  /** pin-source: where the PIN is. */
  readonly pinSource?: string | undefined;
  /** pin-value: the PIN itself. Parsed URIs show it neither to util.inspect nor to JSON.stringify (it is '(redacted)' there), and do not copy it. */
  readonly pinValue?: string | undefined;
  /** module-name: name of the module without path, prefix and suffix. */
  readonly moduleName?: string | undefined;
  /** module-path: the module, or the folder where it is. */
  readonly modulePath?: string | undefined;
  /** Attributes that RFC 7512 does not define; those of the query may come more than once. */
  readonly vendor: {
    readonly path: Readonly<Record<string, string>>;
    readonly query: Readonly<Record<string, readonly string[]>>;
  };
}

/** What a URI is matched against: a Token, and what info() of a module or a slot says, fit as they are. */
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
  /** Vendor attributes of the path that the caller knows. Others fit nothing (RFC 7512, section 2.5). */
  readonly vendor?: Readonly<Record<string, string>> | undefined;
}
