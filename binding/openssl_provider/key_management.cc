// KEYMGMT: all functions of a key except its operations. Functions of the public half use OpenSSL's own key.
// The private half is never exported, not even in part: OpenSSL would use an exported key with its own
// algorithms.
#include <memory>
#include <vector>

#include "openssl/parameters.h"
#include "openssl_provider/provider.h"

namespace cryptoki::provider {
namespace {

using openssl::functions;
using openssl::OSSL_DISPATCH;
using openssl::OSSL_PARAM;

enum : int {
  kNew = 1,
  kLoad = 8,
  kFree = 10,
  kGetParams = 11,
  kGettableParams = 12,
  kOperationName = 20,
  kHas = 21,
  kValidate = 22,
  kMatch = 23,
  kImport = 40,
  kImportTypes = 41,
  kExport = 42,
  kExportTypes = 43,
  kDup = 44,
};

template <KeyKind kind>
void* create(void* /*context*/) {
  // OpenSSL owns it until release()
  return guardedPointer([]() -> void* { return std::make_unique<Key>(Key{kind, {}, {}}).release(); });
}

void release(void* key) { freeContext<Key>(key); }

// Takes over the key that the decoder created.
void* load(const void* reference, std::size_t size) {
  if (size != kReferenceSize) return nullptr;
  return std::exchange(*static_cast<Key**>(const_cast<void*>(reference)),
                       nullptr);  // NOLINT: OpenSSL's contract
}

void* duplicate(const void* opaque, int selection) {
  return guardedPointer([&]() -> void* {
    auto copy = std::make_unique<Key>(*static_cast<const Key*>(opaque));
    if ((selection & openssl::kPrivateKey) == 0) copy->reference.reset();
    return copy.release();
  });
}

int getParams(void* opaque, OSSL_PARAM params[]) {
  const auto& key = *static_cast<const Key*>(opaque);
  return key.publicKey ? functions().EVP_PKEY_get_params(key.publicKey.get(), params) : 0;
}

// The parameters of all key types; the public half refuses those that it does not have.
const OSSL_PARAM* gettableParams(void* /*context*/) {
  static const OSSL_PARAM all[] = {
      describe("bits", openssl::kInteger),
      describe("security-bits", openssl::kInteger),
      describe("max-size", openssl::kInteger),
      describe("default-digest", openssl::kUtf8String),
      describe("mandatory-digest", openssl::kUtf8String),
      describe("n", openssl::kUnsignedInteger),
      describe("e", openssl::kUnsignedInteger),
      describe("group", openssl::kUtf8String),
      describe("encoding", openssl::kUtf8String),
      describe("point-format", openssl::kUtf8String),
      describe("field-type", openssl::kUtf8String),
      describe("decoded-from-explicit", openssl::kInteger),
      describe("pub", openssl::kOctetString),
      describe("encoded-pub-key", openssl::kOctetString),
      describe("qx", openssl::kUnsignedInteger),
      describe("qy", openssl::kUnsignedInteger),
      kEnd,
  };
  return all;
}

const char* ecOperation(int operation) { return operation == openssl::kOpKeyExchange ? "ECDH" : "ECDSA"; }

int has(const void* opaque, int selection) {
  const auto& key = *static_cast<const Key*>(opaque);
  if ((selection & openssl::kPrivateKey) != 0 && !key.reference) return 0;
  return (selection & (openssl::kPublicKey | openssl::kParameters)) == 0 || key.publicKey ? 1 : 0;
}

int validate(const void* opaque, int selection, int /*check*/) { return has(opaque, selection); }

int match(const void* one, const void* other, int selection) {
  const auto& first = static_cast<const Key*>(one)->publicKey;
  const auto& second = static_cast<const Key*>(other)->publicKey;
  if (!first || !second) return 0;
  const bool keys = (selection & (openssl::kPublicKey | openssl::kPrivateKey)) != 0;
  const int same = keys ? functions().EVP_PKEY_eq(first.get(), second.get())
                        : functions().EVP_PKEY_parameters_eq(first.get(), second.get());
  return same == 1 ? 1 : 0;
}

int import(void* opaque, int selection, const OSSL_PARAM params[]) {
  return guarded([&] {
    auto& key = *static_cast<Key*>(opaque);
    key.publicKey = SoftwareKey::fromParameters(key.kind, selection, params);
    return key.publicKey ? 1 : 0;
  });
}

int exportKey(void* opaque, int selection, openssl::OSSL_CALLBACK* callback, void* argument) {
  const auto& key = *static_cast<const Key*>(opaque);
  if ((selection & openssl::kPrivateKey) != 0 || !key.publicKey) return 0;
  return functions().EVP_PKEY_export(key.publicKey.get(), selection, callback, argument);
}

const OSSL_PARAM* rsaTypes(int selection) {
  static const OSSL_PARAM types[] = {describe("n", openssl::kUnsignedInteger),
                                     describe("e", openssl::kUnsignedInteger), kEnd};
  return (selection & openssl::kPublicKey) != 0 ? types : nullptr;
}

const OSSL_PARAM* ecTypes(int selection) {
  static const OSSL_PARAM types[] = {
      describe("group", openssl::kUtf8String),
      describe("encoding", openssl::kUtf8String),
      describe("point-format", openssl::kUtf8String),
      describe("field-type", openssl::kUtf8String),
      describe("p", openssl::kUnsignedInteger),
      describe("a", openssl::kUnsignedInteger),
      describe("b", openssl::kUnsignedInteger),
      describe("generator", openssl::kOctetString),
      describe("order", openssl::kUnsignedInteger),
      describe("cofactor", openssl::kUnsignedInteger),
      describe("seed", openssl::kOctetString),
      describe("pub", openssl::kOctetString),
      kEnd,
  };
  return (selection & (openssl::kPublicKey | openssl::kParameters)) != 0 ? types : nullptr;
}

const OSSL_PARAM* pointTypes(int selection) {
  static const OSSL_PARAM types[] = {describe("pub", openssl::kOctetString), kEnd};
  return (selection & openssl::kPublicKey) != 0 ? types : nullptr;
}

using Types = const OSSL_PARAM*(int selection);

template <KeyKind kind>
const OSSL_DISPATCH* tableOf(Types* types, const char* (*operationName)(int)) {
  static const std::vector<OSSL_DISPATCH> table = [=] {
    std::vector<OSSL_DISPATCH> entries{
        entry(kNew, &create<kind>), entry(kLoad, &load),           entry(kFree, &release),
        entry(kDup, &duplicate),    entry(kGetParams, &getParams), entry(kGettableParams, &gettableParams),
        entry(kHas, &has),          entry(kValidate, &validate),   entry(kMatch, &match),
        entry(kImport, &import),    entry(kImportTypes, types),    entry(kExport, &exportKey),
        entry(kExportTypes, types),
    };
    if (operationName != nullptr) entries.push_back(entry(kOperationName, operationName));
    entries.push_back({0, nullptr});
    return entries;
  }();
  return table.data();
}

}  // namespace

const openssl::OSSL_ALGORITHM* keyManagements() {
  static const openssl::OSSL_ALGORITHM all[] = {
      {"RSA:rsaEncryption:1.2.840.113549.1.1.1", kProperties, tableOf<KeyKind::Rsa>(&rsaTypes, nullptr),
       nullptr},
      {"EC:id-ecPublicKey:1.2.840.10045.2.1", kProperties, tableOf<KeyKind::Ec>(&ecTypes, &ecOperation),
       nullptr},
      {"ED25519:1.3.101.112", kProperties, tableOf<KeyKind::Ed25519>(&pointTypes, nullptr), nullptr},
      {"ED448:1.3.101.113", kProperties, tableOf<KeyKind::Ed448>(&pointTypes, nullptr), nullptr},
      {"X25519:1.3.101.110", kProperties, tableOf<KeyKind::X25519>(&pointTypes, nullptr), nullptr},
      {"X448:1.3.101.111", kProperties, tableOf<KeyKind::X448>(&pointTypes, nullptr), nullptr},
      {nullptr, nullptr, nullptr, nullptr},
  };
  return all;
}

}  // namespace cryptoki::provider
