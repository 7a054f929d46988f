// ASYM_CIPHER: RSA decryption in the token; encryption by OpenSSL with the public half.
#include <algorithm>
#include <memory>
#include <random>
#include <string>

#include "openssl/digesting.h"
#include "openssl/hash.h"
#include "openssl/parameters.h"
#include "openssl_provider/provider.h"

namespace cryptoki::provider {
namespace {

using openssl::functions;
using openssl::OSSL_DISPATCH;
using openssl::OSSL_PARAM;

enum : int {
  kNewContext = 1,
  kEncryptInit = 2,
  kEncrypt = 3,
  kDecryptInit = 4,
  kDecrypt = 5,
  kFreeContext = 6,
  kDupContext = 7,
  kGetParams = 8,
  kGettableParams = 9,
  kSetParams = 10,
  kSettableParams = 11,
};

constexpr const char* kImplicitRejection = "implicit-rejection";

Failure unsupported(const std::string& what) {
  return Failure::ours("ERR_CRYPTOKI_UNSUPPORTED", what, "C_DecryptInit");
}

Bytes sha256(const Bytes& data) {
  Digesting digesting;
  digesting.begin("SHA256");
  digesting.update(data.data(), data.size());
  return digesting.value();
}

// The plaintext returned for wrongly padded data (implicit rejection). It is the same for the same data
// during the life of the process, so the result does not reveal that the padding was wrong.
Bytes rejection(const Bytes& encrypted) {
  static const Bytes& secret = *[] {
    std::random_device device;
    auto bytes = std::make_unique<Bytes>(32);
    for (std::size_t i = 0; i < bytes->size(); ++i) bytes->data()[i] = static_cast<unsigned char>(device());
    return bytes.release();  // lives as long as the process
  }();
  Bytes seed(secret.size() + encrypted.size() + 1);
  std::copy(secret.begin(), secret.end(), seed.data());
  std::copy(encrypted.begin(), encrypted.end(), seed.data() + secret.size());
  unsigned char& counter = seed.data()[seed.size() - 1];
  counter = 0;
  const Bytes first = sha256(seed);
  constexpr std::size_t kLeastPadding = 11;
  const std::size_t most = encrypted.size() > kLeastPadding ? encrypted.size() - kLeastPadding : 0;
  Bytes message((std::size_t{first[0]} << 8U | first[1]) % (most + 1));
  for (std::size_t at = 0; at < message.size();) {
    ++counter;
    const Bytes part = sha256(seed);
    const std::size_t length = std::min(part.size(), message.size() - at);
    std::copy_n(part.begin(), length, message.data() + at);
    at += length;
  }
  return message;
}

class Context {
 public:
  void init(const Key* key, bool decrypts, const OSSL_PARAM params[]) {
    if (key != nullptr) key_ = *key;
    if (!key_.publicKey || (decrypts && !key_.reference)) throw unsupported("the key has no private part");
    setParams(params);
  }

  void setParams(const OSSL_PARAM params[]) {
    if (const auto* param = locate(params, "pad-mode")) padding_ = must(toInt(*param, kPaddings));
    if (const auto* param = locate(params, "digest")) digestName_ = toText(*param).value_or("");
    if (const auto* param = locate(params, "mgf1-digest")) mgfName_ = toText(*param).value_or("");
    if (const auto* param = locate(params, kImplicitRejection)) rejects_ = must(toInt(*param)) != 0;
    if (const auto* param = locate(params, "oaep-label")) label_ = Bytes(param->data, param->size);
  }

  bool getParams(OSSL_PARAM params[]) const {
    const std::string hash = digestName_.empty() ? "SHA1" : digestName_;
    return put(locate(params, "pad-mode"), padding_, kPaddings) && put(locate(params, "digest"), hash) &&
           put(locate(params, "mgf1-digest"), mgfName_.empty() ? hash : mgfName_) &&
           put(locate(params, kImplicitRejection), rejects_ ? 1 : 0);
  }

  int decrypt(unsigned char* out, std::size_t* length, std::size_t room, const unsigned char* in,
              std::size_t size) {
    if (out == nullptr) {
      *length = key_.publicKey.size();
      return 1;
    }
    const Bytes encrypted(in, size);
    const Bytes plain = decrypted(encrypted);
    if (plain.size() > room) throw Failure::returned(CKR_BUFFER_TOO_SMALL, "C_Decrypt");
    std::copy(plain.begin(), plain.end(), out);
    *length = plain.size();
    return 1;
  }

  int encrypt(unsigned char* out, std::size_t* length, std::size_t room, const unsigned char* in,
              std::size_t size) {
    openssl::EVP_PKEY_CTX* context =
        functions().EVP_PKEY_CTX_new_from_pkey(nullptr, key_.publicKey.get(), kNotOurs);
    if (context == nullptr) return 0;
    int padding = padding_;
    std::vector<OSSL_PARAM> params{number("pad-mode", padding)};
    if (padding_ == openssl::kPadOaep) {
      if (!digestName_.empty()) params.push_back(text("digest", digestName_));
      if (!mgfName_.empty()) params.push_back(text("mgf1-digest", mgfName_));
      if (!label_.empty()) params.push_back(octets("oaep-label", label_.data(), label_.size()));
    }
    params.push_back(kEnd);
    *length = room;
    const int done = functions().EVP_PKEY_encrypt_init_ex(context, nullptr) == 1 &&
                             functions().EVP_PKEY_CTX_set_params(context, params.data()) == 1
                         ? functions().EVP_PKEY_encrypt(context, out, length, in, size)
                         : 0;
    functions().EVP_PKEY_CTX_free(context);
    return done == 1 ? 1 : 0;
  }

 private:
  static int must(std::optional<int> value) {
    if (!value) throw unsupported("a parameter of the decryption is not supported");
    return *value;
  }

  static const Hash& hash(const std::string& name) {
    const Hash* found = hashOf(name.empty() ? "SHA1" : name);
    if (found == nullptr) throw unsupported("PKCS#11 does not define the digest " + name);
    return *found;
  }

  Bytes decrypted(const Bytes& encrypted) const {
    switch (padding_) {
      case openssl::kPadPkcs1:
        return decryptedPkcs1(encrypted);
      case openssl::kPadNone:
        return with(CKM_RSA_X_509, {}, encrypted);
      case openssl::kPadOaep:
        break;
      default:
        throw unsupported("tokens cannot decrypt with this padding (TLS with RSA key exchange uses it)");
    }
    CK_RSA_PKCS_OAEP_PARAMS parameter{};
    Bytes label = label_;
    parameter.hashAlg = hash(digestName_).digest;
    parameter.mgf = hash(mgfName_.empty() ? digestName_ : mgfName_).mgf;
    parameter.source = CKZ_DATA_SPECIFIED;
    parameter.pSourceData = label.empty() ? nullptr : label.data();
    parameter.ulSourceDataLen = static_cast<CK_ULONG>(label.size());
    return with(CKM_RSA_PKCS_OAEP, Bytes(&parameter, sizeof parameter), encrypted);
  }

  Bytes decryptedPkcs1(const Bytes& encrypted) const {
    if (!rejects_) return with(CKM_RSA_PKCS, {}, encrypted);
    Bytes instead = rejection(encrypted);  // always computed: the duration must not reveal the padding error
    try {
      return with(CKM_RSA_PKCS, {}, encrypted);
    } catch (const Failure& failure) {
      const bool isPadding = failure.rv == CKR_ENCRYPTED_DATA_INVALID ||
                             failure.rv == CKR_ENCRYPTED_DATA_LEN_RANGE || failure.rv == CKR_DATA_INVALID ||
                             failure.rv == CKR_FUNCTION_FAILED || failure.rv == CKR_GENERAL_ERROR;
      if (!isPadding || encrypted.size() != key_.publicKey.size()) throw;
      return instead;
    }
  }

  Bytes with(CK_MECHANISM_TYPE mechanism, const Bytes& parameter, const Bytes& encrypted) const {
    if (!key_.reference->offers(mechanism)) throw Failure::returned(CKR_MECHANISM_INVALID, "C_DecryptInit");
    return key_.reference->decrypt(mechanism, parameter, encrypted);
  }

  Key key_;
  int padding_ = openssl::kPadPkcs1;
  std::string digestName_;
  std::string mgfName_;
  Bytes label_;
  bool rejects_ = true;
};

void* newContext(void* /*context*/) { return makeContext<Context>(); }

template <bool decrypts>
int init(void* context, void* key, const OSSL_PARAM params[]) {
  return guarded([&] {
    contextAt<Context>(context).init(static_cast<const Key*>(key), decrypts, params);
    return 1;
  });
}
int decrypt(void* context, unsigned char* out, std::size_t* length, std::size_t room, const unsigned char* in,
            std::size_t size) {
  return guarded([&] { return contextAt<Context>(context).decrypt(out, length, room, in, size); });
}
int encrypt(void* context, unsigned char* out, std::size_t* length, std::size_t room, const unsigned char* in,
            std::size_t size) {
  return guarded([&] { return contextAt<Context>(context).encrypt(out, length, room, in, size); });
}

const OSSL_PARAM* parameters(void* /*context*/, void* /*providerContext*/) {
  static const OSSL_PARAM all[] = {
      describe("pad-mode", openssl::kUtf8String),
      describe("digest", openssl::kUtf8String),
      describe("digest-props", openssl::kUtf8String),
      describe("mgf1-digest", openssl::kUtf8String),
      describe("mgf1-properties", openssl::kUtf8String),
      describe("oaep-label", openssl::kOctetString),
      describe(kImplicitRejection, openssl::kUnsignedInteger, sizeof(int)),
      kEnd,
  };
  return all;
}

const OSSL_DISPATCH kRsa[] = {
    entry(kNewContext, &newContext),
    entry(kFreeContext, &freeContext<Context>),
    entry(kDupContext, &copyContext<Context>),
    entry(kEncryptInit, &init<false>),
    entry(kEncrypt, &encrypt),
    entry(kDecryptInit, &init<true>),
    entry(kDecrypt, &decrypt),
    entry(kGetParams, &getParams<Context>),
    entry(kGettableParams, &parameters),
    entry(kSetParams, &setParams<Context>),
    entry(kSettableParams, &parameters),
    {0, nullptr},
};

}  // namespace

const openssl::OSSL_ALGORITHM* asymCiphers() {
  static const openssl::OSSL_ALGORITHM all[] = {
      {"RSA:rsaEncryption:1.2.840.113549.1.1.1", kProperties, kRsa, nullptr},
      {nullptr, nullptr, nullptr, nullptr},
  };
  return all;
}

}  // namespace cryptoki::provider
