/** Reads DER with asn1js. */
import { BitString, fromBER, OctetString, Sequence } from 'asn1js';

/** An element of ASN.1. */
export type Element = ReturnType<typeof fromBER>['result'];

/** Copies bytes into an ArrayBuffer of their own, as asn1js wants them. */
export function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

/** Parses bytes as one element; undefined if they are not an element, or more than one. */
export function elementOf(bytes: Uint8Array): Element | undefined {
  try {
    const { result, offset } = fromBER(toArrayBuffer(bytes));
    return offset === bytes.length ? result : undefined;
  } catch {
    return undefined; // for some bytes asn1js throws: a plain key can begin like a string or a date of a wrong form
  }
}

/** Returns the members of a SEQUENCE; none for other elements. */
export function membersOf(element: Element | undefined): readonly Element[] {
  return element instanceof Sequence ? (element.valueBlock.value as Element[]) : [];
}

/** Returns the content of a BIT STRING of whole bytes, or of an OCTET STRING. */
export function bytesIn(element: Element | undefined): Buffer | undefined {
  const isWhole = element instanceof BitString && element.valueBlock.unusedBits === 0;
  if (!isWhole && !(element instanceof OctetString)) return undefined;
  return Buffer.from((element as OctetString).valueBlock.valueHexView);
}

/** Returns the bytes of an element, as they were parsed. */
export function encodingOf(element: Element): Buffer {
  return Buffer.from(element.valueBeforeDecodeView);
}

/** Returns the OCTET STRING with this content, in DER. */
export function octetString(content: Uint8Array): Buffer {
  return Buffer.from(new OctetString({ valueHex: toArrayBuffer(content) }).toBER());
}
