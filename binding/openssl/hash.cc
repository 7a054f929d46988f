#include "openssl/hash.h"

#include <cstring>

#if defined(_WIN32)
#define strcasecmp _stricmp
#else
#include <strings.h>
#endif

namespace cryptoki::provider {
namespace {

// The object identifier 2.16.840.1.101.3.4.2.n in DER
std::vector<unsigned char> nist(unsigned char n) {
  return {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, n};
}

const std::vector<Hash>& hashes() {
  static const auto& all = *new std::vector<Hash>{
      // NOLINT(cppcoreguidelines-owning-memory)
      {{"SHA2-256", "SHA256", "SHA-256"},
       32,
       CKM_SHA256,
       CKG_MGF1_SHA256,
       CKM_ECDSA_SHA256,
       CKM_SHA256_RSA_PKCS,
       CKM_SHA256_RSA_PKCS_PSS,
       nist(1)},
      {{"SHA2-384", "SHA384", "SHA-384"},
       48,
       CKM_SHA384,
       CKG_MGF1_SHA384,
       CKM_ECDSA_SHA384,
       CKM_SHA384_RSA_PKCS,
       CKM_SHA384_RSA_PKCS_PSS,
       nist(2)},
      {{"SHA2-512", "SHA512", "SHA-512"},
       64,
       CKM_SHA512,
       CKG_MGF1_SHA512,
       CKM_ECDSA_SHA512,
       CKM_SHA512_RSA_PKCS,
       CKM_SHA512_RSA_PKCS_PSS,
       nist(3)},
      {{"SHA2-224", "SHA224", "SHA-224"},
       28,
       CKM_SHA224,
       CKG_MGF1_SHA224,
       CKM_ECDSA_SHA224,
       CKM_SHA224_RSA_PKCS,
       CKM_SHA224_RSA_PKCS_PSS,
       nist(4)},
      {{"SHA1", "SHA-1", "SSL3-SHA1"},
       20,
       CKM_SHA_1,
       CKG_MGF1_SHA1,
       CKM_ECDSA_SHA1,
       CKM_SHA1_RSA_PKCS,
       CKM_SHA1_RSA_PKCS_PSS,
       {0x2B, 0x0E, 0x03, 0x02, 0x1A}},
      {{"SHA3-224"},
       28,
       CKM_SHA3_224,
       CKG_MGF1_SHA3_224,
       CKM_ECDSA_SHA3_224,
       CKM_SHA3_224_RSA_PKCS,
       CKM_SHA3_224_RSA_PKCS_PSS,
       nist(7)},
      {{"SHA3-256"},
       32,
       CKM_SHA3_256,
       CKG_MGF1_SHA3_256,
       CKM_ECDSA_SHA3_256,
       CKM_SHA3_256_RSA_PKCS,
       CKM_SHA3_256_RSA_PKCS_PSS,
       nist(8)},
      {{"SHA3-384"},
       48,
       CKM_SHA3_384,
       CKG_MGF1_SHA3_384,
       CKM_ECDSA_SHA3_384,
       CKM_SHA3_384_RSA_PKCS,
       CKM_SHA3_384_RSA_PKCS_PSS,
       nist(9)},
      {{"SHA3-512"},
       64,
       CKM_SHA3_512,
       CKG_MGF1_SHA3_512,
       CKM_ECDSA_SHA3_512,
       CKM_SHA3_512_RSA_PKCS,
       CKM_SHA3_512_RSA_PKCS_PSS,
       nist(10)},
  };
  return all;
}

}  // namespace

const Hash* hashOf(const std::string& name) {
  for (const Hash& hash : hashes()) {
    for (const char* candidate : hash.names) {
      if (strcasecmp(candidate, name.c_str()) == 0) return &hash;
    }
  }
  return nullptr;
}

Bytes Hash::digestInfo(const Bytes& digest) const {
  const auto byte = [](std::size_t value) { return static_cast<unsigned char>(value); };
  std::vector<unsigned char> info{
      0x30, byte(object.size() + 8 + length), 0x30, byte(object.size() + 4), 0x06, byte(object.size())};
  info.insert(info.end(), object.begin(), object.end());
  info.insert(info.end(), {0x05, 0x00, 0x04, byte(length)});
  info.insert(info.end(), digest.begin(), digest.end());
  return {info.data(), info.size()};
}

}  // namespace cryptoki::provider
