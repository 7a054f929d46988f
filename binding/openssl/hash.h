// Digest algorithms by OpenSSL name, with their PKCS#11 mechanisms and their object identifier.
#pragma once

#include <string>
#include <vector>

#include "generated/pkcs11.h"
#include "runtime/secret.h"

namespace cryptoki::provider {

struct Hash {
  std::vector<const char*> names;  // the OpenSSL names; the first is passed to OpenSSL
  std::size_t length;              // bytes
  CK_MECHANISM_TYPE digest;
  CK_RSA_PKCS_MGF_TYPE mgf;
  CK_MECHANISM_TYPE ecdsa;  // the mechanisms that digest and sign
  CK_MECHANISM_TYPE rsaPkcs;
  CK_MECHANISM_TYPE rsaPss;
  std::vector<unsigned char> object;  // the object identifier in DER, without tag and length

  // DigestInfo (RFC 8017, section 9.2), the data that CKM_RSA_PKCS signs.
  Bytes digestInfo(const Bytes& digest) const;
};

// Null for a digest that PKCS#11 has no mechanism for.
const Hash* hashOf(const std::string& name);

}  // namespace cryptoki::provider
