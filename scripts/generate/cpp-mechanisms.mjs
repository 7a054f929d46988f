// binding/generated/mechanism_families.h: the mechanisms that make MACs, and the signature mechanisms of a key type.
import { BANNER } from './cpp-declarations.mjs';

/** Key types with a public and a private half. */
const KEY_PAIRS =
  /^CKK_(RSA|DSA|EC|EC_EDWARDS|EC_MONTGOMERY|DH|X9_42_DH|ML_DSA|ML_KEM|SLH_DSA|HSS|XMSS|XMSSMT|GOSTR3410|KEA)$/;

/**
 * A MAC that cannot be computed twice with the same result: one-time passwords, and GMAC in a module that generates the IV
 * itself. It cannot be verified by computing it.
 */
const CHANGES = ['CK_OTP_PARAMS', 'CK_GCM_PARAMS'];

const isMac = ({ functions, keyTypes, parameter }) =>
  functions.join() === 'sign,verify' &&
  !keyTypes.some((type) => KEY_PAIRS.test(type)) &&
  !CHANGES.includes(parameter);

const signsWith =
  (keyType) =>
  ({ functions, keyTypes }) =>
    functions.includes('verify') && keyTypes.join() === keyType;

export function cppMechanismFamilies({ mechanisms, constants }) {
  const family = (name, comment, belongs) => {
    const members = Object.entries(mechanisms)
      .filter(([, entry]) => entry.alias === undefined && entry.keyTypes?.length > 0 && belongs(entry))
      .map(([mechanism]) => mechanism)
      .sort((a, b) => constants.CKM[a.slice(4)] - constants.CKM[b.slice(4)]);
    return `// ${comment}\ninline constexpr std::array ${name}{\n${members.map((mechanism) => `    ${mechanism},`).join('\n')}\n};`;
  };
  return `${BANNER}#pragma once

#include <array>

#include "generated/pkcs11.h"

// NOLINTBEGIN
namespace cryptoki {

${family('kMacMechanisms', 'Message authentication codes, by number.', isMac)}

${family('kDsaSignatures', 'Signatures with CKK_DSA, by number.', signsWith('CKK_DSA'))}

${family('kRsaSignatures', 'Signatures with CKK_RSA, by number.', signsWith('CKK_RSA'))}

}  // namespace cryptoki
// NOLINTEND
`;
}
