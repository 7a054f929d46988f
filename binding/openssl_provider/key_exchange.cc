// KEYEXCH: ECDH, X25519 and X448 in the token.
#include <algorithm>
#include <memory>

#include "openssl/parameters.h"
#include "openssl_provider/provider.h"

namespace cryptoki::provider {
namespace {

using openssl::OSSL_DISPATCH;
using openssl::OSSL_PARAM;

enum : int {
  kNewContext = 1,
  kInit = 2,
  kDerive = 3,
  kSetPeer = 4,
  kFreeContext = 5,
  kDupContext = 6,
  kSetParams = 7,
  kSettableParams = 8,
  kGetParams = 9,
  kGettableParams = 10,
};

struct Context {
  Key key;
  SoftwareKey peer;
};

void* newContext(void* /*context*/) { return makeContext<Context>(); }

int init(void* context, void* key, const OSSL_PARAM /*params*/[]) {
  return guarded([&] {
    if (key != nullptr) contextAt<Context>(context).key = *static_cast<const Key*>(key);
    return contextAt<Context>(context).key.reference ? 1 : raise("the key has no private part");
  });
}

int setPeer(void* context, void* key) {
  return guarded([&] {
    contextAt<Context>(context).peer = static_cast<const Key*>(key)->publicKey;
    return contextAt<Context>(context).peer ? 1 : 0;
  });
}

int derive(void* context, unsigned char* secret, std::size_t* length, std::size_t room) {
  return guarded([&] {
    const auto& [key, peer] = contextAt<Context>(context);
    const std::size_t size = key.kind == KeyKind::X25519 ? 32
                             : key.kind == KeyKind::X448 ? 56
                                                         : (key.publicKey.bits() + 7) / 8;
    *length = size;
    if (secret == nullptr) return 1;
    if (room < size) throw Failure::returned(CKR_BUFFER_TOO_SMALL, "C_DeriveKey");
    if (!peer) return raise("the key of the peer is missing");
    if (!key.reference->offers(CKM_ECDH1_DERIVE))
      throw Failure::returned(CKR_MECHANISM_INVALID, "C_DeriveKey");
    const Bytes value = key.reference->derive(peer.encoded(), size);
    std::copy(value.begin(), value.end(), secret);
    return 1;
  });
}

// Key derivation by OpenSSL after the exchange is not supported; the default values may be set.
int setParams(void* /*context*/, const OSSL_PARAM params[]) {
  return guarded([&] {
    const auto* kdf = locate(params, "kdf-type");
    if (kdf != nullptr && !toText(*kdf).value_or("").empty())
      return raise("a KDF is not supported with the key exchange");
    return 1;
  });
}
int getParams(void* /*context*/, OSSL_PARAM params[]) {
  return guarded([&] { return put(locate(params, "kdf-type"), std::string()) ? 1 : 0; });
}

const OSSL_PARAM* parameters(void* /*context*/, void* /*providerContext*/) {
  static const OSSL_PARAM all[] = {describe("kdf-type", openssl::kUtf8String), kEnd};
  return all;
}

const OSSL_DISPATCH kExchange[] = {
    entry(kNewContext, &newContext),
    entry(kFreeContext, &freeContext<Context>),
    entry(kDupContext, &copyContext<Context>),
    entry(kInit, &init),
    entry(kSetPeer, &setPeer),
    entry(kDerive, &derive),
    entry(kSetParams, &setParams),
    entry(kSettableParams, &parameters),
    entry(kGetParams, &getParams),
    entry(kGettableParams, &parameters),
    {0, nullptr},
};

}  // namespace

const openssl::OSSL_ALGORITHM* keyExchanges() {
  static const openssl::OSSL_ALGORITHM all[] = {
      {"ECDH", kProperties, kExchange, nullptr},
      {"X25519:1.3.101.110", kProperties, kExchange, nullptr},
      {"X448:1.3.101.111", kProperties, kExchange, nullptr},
      {nullptr, nullptr, nullptr, nullptr},
  };
  return all;
}

}  // namespace cryptoki::provider
