// Digest algorithms by OpenSSL's names, as PKCS#11 and DigestInfo have them.
#pragma once

#include <string>
#include <vector>

#include "generated/pkcs11.h"
#include "runtime/secret.h"

namespace cryptoki::provider {

struct Hash {
  std::vector<const char*> names;  // as OpenSSL knows it; the first is passed on to it
  std::size_t length;              // bytes
  CK_MECHANISM_TYPE digest;
  CK_RSA_PKCS_MGF_TYPE mgf;
  CK_MECHANISM_TYPE ecdsa;  // the mechanisms that digest and sign
  CK_MECHANISM_TYPE rsaPkcs;
  CK_MECHANISM_TYPE rsaPss;
  std::vector<unsigned char> object;  // the object identifier in DER, without tag and length

  // What CKM_RSA_PKCS signs: DigestInfo (RFC 8017, section 9.2).
  Bytes digestInfo(const Bytes& digest) const;
};

// Null for one that PKCS#11 has no number for.
const Hash* hashOf(const std::string& name);

}  // namespace cryptoki::provider
