// SIGNATURE: the functions that OpenSSL calls.
#include <memory>

#include "openssl/parameters.h"
#include "openssl_provider/signature_context.h"

namespace cryptoki::provider {
namespace {

using openssl::OSSL_DISPATCH;
using openssl::OSSL_PARAM;
using Context = SignatureContext;

enum : int {
  kNewContext = 1,
  kSignInit = 2,
  kSign = 3,
  kVerifyInit = 4,
  kVerify = 5,
  kDigestSignInit = 8,
  kDigestSignUpdate = 9,
  kDigestSignFinal = 10,
  kDigestSign = 11,
  kDigestVerifyInit = 12,
  kDigestVerifyUpdate = 13,
  kDigestVerifyFinal = 14,
  kDigestVerify = 15,
  kFreeContext = 16,
  kDupContext = 17,
  kGetParams = 18,
  kGettableParams = 19,
  kSetParams = 20,
  kSettableParams = 21,
};

void* newContext(void* /*context*/, const char* /*query*/) { return makeContext<Context>(); }

int signInit(void* context, void* key, const OSSL_PARAM params[]) {
  return guarded([&] {
    contextAt<Context>(context).init(static_cast<const Key*>(key), nullptr, true, params);
    return 1;
  });
}
int sign(void* context, unsigned char* out, std::size_t* length, std::size_t room, const unsigned char* data,
         std::size_t size) {
  return guarded([&] { return contextAt<Context>(context).sign(out, length, room, data, size); });
}
int verifyInit(void* context, void* key, const OSSL_PARAM params[]) {
  return guarded([&] {
    contextAt<Context>(context).init(static_cast<const Key*>(key), nullptr, false, params);
    return 1;
  });
}
int verify(void* context, const unsigned char* signature, std::size_t length, const unsigned char* data,
           std::size_t size) {
  return guarded([&] {
    return contextAt<Context>(context).verifyDigest({signature, length}, {data, size}) ? 1 : 0;
  });
}

template <bool signs>
int messageInit(void* context, const char* digest, void* key, const OSSL_PARAM params[]) {
  return guarded([&] {
    contextAt<Context>(context).init(static_cast<const Key*>(key), digest == nullptr ? "" : digest, signs,
                                     params);
    contextAt<Context>(context).beginMessage(signs);
    return 1;
  });
}
int update(void* context, const unsigned char* data, std::size_t size) {
  return guarded([&] {
    contextAt<Context>(context).update(data, size);
    return 1;
  });
}
int signFinal(void* context, unsigned char* out, std::size_t* length, std::size_t room) {
  return guarded([&] { return contextAt<Context>(context).signMessage(out, length, room); });
}
int signAtOnce(void* context, unsigned char* out, std::size_t* length, std::size_t room,
               const unsigned char* data, std::size_t size) {
  return guarded([&] {
    if (out != nullptr) contextAt<Context>(context).update(data, size);
    return contextAt<Context>(context).signMessage(out, length, room);
  });
}
int verifyFinal(void* context, const unsigned char* signature, std::size_t length) {
  return guarded([&] { return contextAt<Context>(context).verifyMessage({signature, length}) ? 1 : 0; });
}
int verifyAtOnce(void* context, const unsigned char* signature, std::size_t length, const unsigned char* data,
                 std::size_t size) {
  return guarded([&] {
    contextAt<Context>(context).update(data, size);
    return contextAt<Context>(context).verifyMessage({signature, length}) ? 1 : 0;
  });
}

const OSSL_PARAM* parameters(void* /*context*/, void* /*providerContext*/) {
  static const OSSL_PARAM all[] = {
      describe("digest", openssl::kUtf8String),           describe("properties", openssl::kUtf8String),
      describe("digest-size", openssl::kUnsignedInteger), describe("pad-mode", openssl::kUtf8String),
      describe("saltlen", openssl::kUtf8String),          describe("mgf1-digest", openssl::kUtf8String),
      describe("mgf1-properties", openssl::kUtf8String),  kEnd,
  };
  return all;
}

const OSSL_DISPATCH kDigestFirst[] = {
    entry(kNewContext, &newContext),
    entry(kFreeContext, &freeContext<Context>),
    entry(kDupContext, &copyContext<Context>),
    entry(kSignInit, &signInit),
    entry(kSign, &sign),
    entry(kVerifyInit, &verifyInit),
    entry(kVerify, &verify),
    entry(kDigestSignInit, &messageInit<true>),
    entry(kDigestSignUpdate, &update),
    entry(kDigestSignFinal, &signFinal),
    entry(kDigestVerifyInit, &messageInit<false>),
    entry(kDigestVerifyUpdate, &update),
    entry(kDigestVerifyFinal, &verifyFinal),
    entry(kGetParams, &getParams<Context>),
    entry(kGettableParams, &parameters),
    entry(kSetParams, &setParams<Context>),
    entry(kSettableParams, &parameters),
    {0, nullptr},
};

// EdDSA accepts only a complete message.
const OSSL_DISPATCH kAtOnce[] = {
    entry(kNewContext, &newContext),
    entry(kFreeContext, &freeContext<Context>),
    entry(kDupContext, &copyContext<Context>),
    entry(kSignInit, &signInit),
    entry(kSign, &sign),
    entry(kVerifyInit, &verifyInit),
    entry(kVerify, &verify),
    entry(kDigestSignInit, &messageInit<true>),
    entry(kDigestSign, &signAtOnce),
    entry(kDigestVerifyInit, &messageInit<false>),
    entry(kDigestVerify, &verifyAtOnce),
    {0, nullptr},
};

}  // namespace

const openssl::OSSL_ALGORITHM* signatures() {
  static const openssl::OSSL_ALGORITHM all[] = {
      {"RSA:rsaEncryption:1.2.840.113549.1.1.1", kProperties, kDigestFirst, nullptr},
      {"ECDSA", kProperties, kDigestFirst, nullptr},
      {"ED25519:1.3.101.112", kProperties, kAtOnce, nullptr},
      {"ED448:1.3.101.113", kProperties, kAtOnce, nullptr},
      {nullptr, nullptr, nullptr, nullptr},
  };
  return all;
}

}  // namespace cryptoki::provider
