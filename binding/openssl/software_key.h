// The public half of a key as OpenSSL's own: what needs no private key is left to it.
#pragma once

#include <utility>

#include "openssl/openssl.h"
#include "runtime/secret.h"

namespace cryptoki {

// Algorithms of others only: ours would ask us again.
constexpr const char* kNotOurs = "provider!=cryptoki";

// The types of keys, by their names in OpenSSL.
enum class KeyKind : unsigned char { Rsa, Ec, Ed25519, Ed448, X25519, X448 };
constexpr KeyKind kKeyKinds[] = {KeyKind::Rsa,   KeyKind::Ec,     KeyKind::Ed25519,
                                 KeyKind::Ed448, KeyKind::X25519, KeyKind::X448};
const char* nameOf(KeyKind kind);

// Counts a reference to an EVP_PKEY.
class SoftwareKey {
 public:
  SoftwareKey() = default;
  // From a SubjectPublicKeyInfo in DER; null when OpenSSL does not know it.
  static SoftwareKey fromDer(const Bytes& info);
  // From what a key management is given to import; null when it is no key.
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
  // False when it is of no kind that the provider has.
  bool kind(KeyKind& kind) const;
  bool is(KeyKind kind) const { return openssl::functions().EVP_PKEY_is_a(key_, nameOf(kind)) == 1; }
  std::size_t bits() const { return static_cast<std::size_t>(openssl::functions().EVP_PKEY_get_bits(key_)); }
  // Bytes of a signature, an encrypted message or a secret, at most.
  std::size_t size() const { return static_cast<std::size_t>(openssl::functions().EVP_PKEY_get_size(key_)); }
  // The public key as it is encoded for a peer; empty when there is none.
  Bytes encoded() const;

 private:
  explicit SoftwareKey(openssl::EVP_PKEY* owned) : key_(owned) {}
  openssl::EVP_PKEY* key_ = nullptr;
};

}  // namespace cryptoki
