// lib/generated/calls.ts: the type of every raw call, asynchronous and synchronous.
import { BANNER } from './cpp-declarations.mjs';

export function tsCalls({ functions }) {
  const used = new Set();
  const methods = functions
    .filter(({ bound }) => bound)
    .flatMap(({ name, section, since, parameters }) => {
      for (const { out } of parameters) if (/^CK_/.test(out ?? '')) used.add(out);
      const inputs = parameters.filter((parameter) => parameter.in !== undefined);
      const outputs = parameters.filter(({ out }) => out !== undefined);
      const list = inputs.map((parameter) => `${parameter.name}: ${parameter.in}`).join(', ');
      const result =
        outputs.length === 0
          ? 'void'
          : outputs.length === 1
            ? outputs[0].out
            : `{ ${outputs.map(({ name: label, out }) => `${label}: ${out}`).join('; ')} }`;
      const where =
        /^\d/.test(section) && !section.includes(',')
          ? `PKCS#11 3.1, section ${section}`
          : `PKCS#11 ${section}`;
      const doc = `${where}; since ${since}.`;
      return [
        `  /** ${doc} */\n  ${name}(${list}): Promise<${result}>;`,
        `  /** Calls ${name} and blocks the calling thread. */\n  ${name}Sync(${list}): ${result};`,
      ];
    });
  return `${BANNER}import type { BytesLike, RawAsyncData, RawAttribute, RawAttributeResult, RawMechanism } from '../raw/values';
import type { ${[...used, 'RawParameter'].sort().join(', ')} } from './structures';

/**
 * The functions of PKCS#11, by their names. Each has a synchronous variant. A function that the module does not have fails with
 * CKR_FUNCTION_NOT_SUPPORTED; a wrong argument with a TypeError (ERR_INVALID_ARG_TYPE) or RangeError (ERR_OUT_OF_RANGE); every other
 * error is a CryptokiError with the CKR name and number. Asynchronous forms never throw: they reject. They copy byte arguments
 * before they return. An array of byte strings is joined to one part.
 */
export interface RawCalls {
${methods.join('\n')}
}
`;
}
