#include "openssl/software_key.h"

namespace cryptoki {

using openssl::functions;

const char* nameOf(KeyKind kind) {
  switch (kind) {
    case KeyKind::Rsa:
      return "RSA";
    case KeyKind::Ec:
      return "EC";
    case KeyKind::Ed25519:
      return "ED25519";
    case KeyKind::Ed448:
      return "ED448";
    case KeyKind::X25519:
      return "X25519";
    case KeyKind::X448:
      break;
  }
  return "X448";
}

SoftwareKey SoftwareKey::fromDer(const Bytes& info) {
  const unsigned char* data = info.data();
  functions().ERR_set_mark();
  SoftwareKey key(
      functions().d2i_PUBKEY_ex(nullptr, &data, static_cast<long>(info.size()), nullptr, kNotOurs));
  functions().ERR_pop_to_mark();
  return key;
}

SoftwareKey SoftwareKey::fromParameters(KeyKind kind, int selection, const openssl::OSSL_PARAM params[]) {
  openssl::EVP_PKEY_CTX* context = functions().EVP_PKEY_CTX_new_from_name(nullptr, nameOf(kind), kNotOurs);
  if (context == nullptr) return {};
  openssl::EVP_PKEY* key = nullptr;
  const bool done =
      functions().EVP_PKEY_fromdata_init(context) == 1 &&
      functions().EVP_PKEY_fromdata(context, &key, selection & ~openssl::kPrivateKey,
                                    const_cast<openssl::OSSL_PARAM*>(params)) == 1;  // NOLINT: only read
  functions().EVP_PKEY_CTX_free(context);
  return done ? SoftwareKey(key) : SoftwareKey();
}

bool SoftwareKey::kind(KeyKind& kind) const {
  for (const KeyKind candidate : kKeyKinds) {
    if (!is(candidate)) continue;
    kind = candidate;
    return true;
  }
  return false;
}

Bytes SoftwareKey::encoded() const {
  constexpr const char* kEncoded = "encoded-pub-key";
  std::size_t length = 0;
  if (functions().EVP_PKEY_get_octet_string_param(key_, kEncoded, nullptr, 0, &length) != 1) return {};
  Bytes bytes(length);
  if (functions().EVP_PKEY_get_octet_string_param(key_, kEncoded, bytes.data(), length, &length) != 1)
    return {};
  bytes.resize(length);
  return bytes;
}

}  // namespace cryptoki
