// The public half of a key as an OpenSSL key: operations that do not need the private key use it.
#pragma once

#include <utility>

#include "openssl/openssl.h"
#include "runtime/secret.h"

namespace cryptoki {

// Selects algorithms of other providers only: the algorithms of this provider would call this code again.
constexpr const char* kNotOurs = "provider!=cryptoki";

// The types of keys, by their OpenSSL names.
enum class KeyKind : unsigned char { Rsa, Ec, Ed25519, Ed448, X25519, X448 };
constexpr KeyKind kKeyKinds[] = {KeyKind::Rsa,   KeyKind::Ec,     KeyKind::Ed25519,
                                 KeyKind::Ed448, KeyKind::X25519, KeyKind::X448};
const char* nameOf(KeyKind kind);

// Owns one reference to an EVP_PKEY.
class SoftwareKey {
 public:
  SoftwareKey() = default;
  // From a SubjectPublicKeyInfo in DER; null when OpenSSL cannot decode it.
  static SoftwareKey fromDer(const Bytes& info);
  // From the parameters that OpenSSL passes to an import; null when they do not form a key.
  static SoftwareKey fromParameters(KeyKind kind, int selection, const openssl::OSSL_PARAM params[]);

  SoftwareKey(const SoftwareKey& other) : key_(other.key_) {
    if (key_ != nullptr) openssl::functions().EVP_PKEY_up_ref(key_);
  }
  SoftwareKey(SoftwareKey&& other) noexcept : key_(std::exchange(other.key_, nullptr)) {}
  SoftwareKey& operator=(const SoftwareKey& other) { return *this = SoftwareKey(other); }
  SoftwareKey& operator=(SoftwareKey&& other) noexcept {
    std::swap(key_, other.key_);
    return *this;
  }
  ~SoftwareKey() {
    if (key_ != nullptr) openssl::functions().EVP_PKEY_free(key_);
  }

  openssl::EVP_PKEY* get() const { return key_; }
  explicit operator bool() const { return key_ != nullptr; }
  // Returns false when the provider does not support this kind of key.
  bool kind(KeyKind& kind) const;
  bool is(KeyKind kind) const { return openssl::functions().EVP_PKEY_is_a(key_, nameOf(kind)) == 1; }
  std::size_t bits() const { return static_cast<std::size_t>(openssl::functions().EVP_PKEY_get_bits(key_)); }
  // The maximal size in bytes of a signature, an encrypted message or a secret.
  std::size_t size() const { return static_cast<std::size_t>(openssl::functions().EVP_PKEY_get_size(key_)); }
  // The public key in the encoding for a peer; empty when there is none.
  Bytes encoded() const;

 private:
  explicit SoftwareKey(openssl::EVP_PKEY* owned) : key_(owned) {}
  openssl::EVP_PKEY* key_ = nullptr;
};

}  // namespace cryptoki
