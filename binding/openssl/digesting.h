// A digest in progress, computed by OpenSSL.
#pragma once

#include <string>

#include "error.h"
#include "openssl/openssl.h"
#include "runtime/secret.h"

namespace cryptoki::provider {

class Digesting {
 public:
  Digesting() = default;
  Digesting(const Digesting&) = delete;
  Digesting& operator=(const Digesting&) = delete;
  ~Digesting() { openssl::functions().EVP_MD_CTX_free(context_); }

  void begin(const std::string& name) {
    openssl::EVP_MD* digest = openssl::functions().EVP_MD_fetch(nullptr, name.c_str(), nullptr);
    if (digest == nullptr) throw failed("OpenSSL does not support the digest " + name);
    if (context_ == nullptr) context_ = openssl::functions().EVP_MD_CTX_new();
    const int done =
        context_ == nullptr ? 0 : openssl::functions().EVP_DigestInit_ex2(context_, digest, nullptr);
    openssl::functions().EVP_MD_free(digest);
    if (done != 1) throw failed("OpenSSL cannot begin the digest " + name);
  }
  void update(const void* data, std::size_t size) {
    if (openssl::functions().EVP_DigestUpdate(context_, data, size) != 1)
      throw failed("OpenSSL cannot compute a digest");
  }
  // The digest of the data so far; more data may follow.
  Bytes value() const {
    openssl::EVP_MD_CTX* copy = openssl::functions().EVP_MD_CTX_new();
    Bytes digest(64);
    unsigned int length = 0;
    const bool done = copy != nullptr && openssl::functions().EVP_MD_CTX_copy_ex(copy, context_) == 1 &&
                      openssl::functions().EVP_DigestFinal_ex(copy, digest.data(), &length) == 1;
    openssl::functions().EVP_MD_CTX_free(copy);
    if (!done) throw failed("OpenSSL cannot compute a digest");
    digest.resize(length);
    return digest;
  }
  void copy(const Digesting& other) {
    if (other.context_ == nullptr) return;
    context_ = openssl::functions().EVP_MD_CTX_new();
    if (context_ == nullptr || openssl::functions().EVP_MD_CTX_copy_ex(context_, other.context_) != 1)
      throw failed("OpenSSL cannot copy a digest");
  }

 private:
  static Failure failed(const std::string& what) { return Failure::ours("ERR_CRYPTOKI_UNSUPPORTED", what); }

  openssl::EVP_MD_CTX* context_ = nullptr;
};

}  // namespace cryptoki::provider
