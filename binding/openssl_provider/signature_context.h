// The state of one signature or verification: the key, and the padding and digest that OpenSSL has set.
#pragma once

#include <optional>
#include <string>

#include "openssl/digesting.h"
#include "openssl/hash.h"
#include "openssl_provider/provider.h"

namespace cryptoki::provider {

// Signs in the token; verifies with OpenSSL's own algorithms and the public half. Throws Failure.
class SignatureContext {
 public:
  SignatureContext() = default;
  SignatureContext(const SignatureContext& other);
  SignatureContext& operator=(const SignatureContext&) = delete;
  ~SignatureContext() = default;

  // `key` null: keeps the current key.
  void init(const Key* key, const char* digest, bool signs, const openssl::OSSL_PARAM params[]);
  void setParams(const openssl::OSSL_PARAM params[]);
  bool getParams(openssl::OSSL_PARAM params[]) const;

  // Signs or verifies a message, part by part.
  void beginMessage(bool signs);
  void update(const unsigned char* data, std::size_t size);
  int signMessage(unsigned char* out, std::size_t* length, std::size_t room);
  bool verifyMessage(const Bytes& signature) const;

  // Signs or verifies a digest.
  int sign(unsigned char* out, std::size_t* length, std::size_t room, const unsigned char* data,
           std::size_t size);
  bool verifyDigest(const Bytes& signature, const Bytes& digest) const;

 private:
  bool isRsa() const { return key_.kind == KeyKind::Rsa; }
  bool isEdwards() const { return key_.kind == KeyKind::Ed25519 || key_.kind == KeyKind::Ed448; }
  const Hash& hash() const;
  CK_MECHANISM_TYPE mechanismForDigest() const;
  CK_MECHANISM_TYPE mechanismForMessage() const;
  Bytes parameter() const;
  const Hash& mgf() const;
  Bytes padded(const Bytes& digest) const;
  std::size_t saltBytes() const;
  Bytes signDigest(const Bytes& digest) const;
  Bytes signWhole() const;
  bool verifyWhole(const Bytes& signature, const Bytes& message) const;
  // Returns the signature in the form of OpenSSL. `isRight` verifies it if that is needed to determine the
  // form.
  template <class IsRight>
  Bytes finish(const Bytes& signature, IsRight&& isRight) const;
  // Bytes of the order of an elliptic curve.
  std::size_t orderLength() const;
  int giveSize(std::size_t* length) const;

  Key key_;
  std::string digestName_;
  std::string mgfName_;
  int padding_ = openssl::kPadPkcs1;
  int saltLength_ = openssl::kSaltAuto;
  bool isWhole_ = false;  // the token gets the message, not its digest
  Bytes message_;
  Digesting digesting_;
};

}  // namespace cryptoki::provider
