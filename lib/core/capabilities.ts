/**
 * Adds the methods of capabilities to a class. The class declares them by an interface of the same name, and the descriptions
 * of the methods are in the interfaces of the capabilities: so each method is described and written once for all classes.
 */
export function addCapabilities(
  target: { readonly prototype: object },
  ...capabilities: readonly object[]
): void {
  for (const capability of capabilities) {
    for (const [name, value] of Object.entries(capability)) {
      Object.defineProperty(target.prototype, name, { value, writable: true, configurable: true });
    }
  }
}
