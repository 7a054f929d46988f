// DECODER: turns PEM with our label into a key and ignores all other data. The PEM contains a random name
// that is meaningless outside of this process.
#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "native_keys/reference_table.h"
#include "openssl/parameters.h"
#include "openssl_provider/provider.h"

namespace cryptoki::provider {
namespace {

using openssl::OSSL_DISPATCH;
using openssl::OSSL_PARAM;

enum : int { kNewContext = 1, kFreeContext = 2, kDoesSelection = 10, kDecode = 11 };

constexpr std::size_t kLongestPem = 65536;
constexpr int kObjectIsKey = 2;

struct Context {};

void* newContext(void* /*context*/) { return makeContext<Context>(); }
int doesSelection(void* /*context*/, int /*selection*/) { return 1; }

std::string readAll(openssl::OSSL_CORE_BIO* in) {
  std::string all;
  std::array<char, 4096> part{};
  std::size_t length = 0;
  while (all.size() < kLongestPem && read(in, part.data(), part.size(), &length) && length > 0)
    all.append(part.data(), length);
  return all;
}

// The id of a reference, or an empty string for other PEM.
std::string idIn(const std::string& pem) {
  const std::string begin = std::string("-----BEGIN ") + kPemLabel + "-----";
  const auto at = pem.find(begin);
  if (at == std::string::npos) return {};
  const auto from = pem.find_first_not_of(" \r\n", at + begin.size());
  const auto to = pem.find_first_of(" \r\n-", from == std::string::npos ? pem.size() : from);
  return from == std::string::npos || to == std::string::npos ? std::string() : pem.substr(from, to - from);
}

template <KeyKind kind>
int decode(void* /*context*/, openssl::OSSL_CORE_BIO* in, int /*selection*/, openssl::OSSL_CALLBACK* callback,
           void* argument, openssl::OSSL_PASSPHRASE_CALLBACK* /*ask*/, void* /*askArgument*/) {
  return guarded([&] {
    const std::string id = idIn(readAll(in));
    if (!id.starts_with(reference_table::prefix())) return 1;  // other decoders may recognise it
    const auto reference = reference_table::find(id);
    if (!reference) {
      throw Failure::ours(
          "ERR_CRYPTOKI_CLIENT_CLOSED",
          "the client or module that the key belongs to is closed, the session key was released, or the "
          "reference belongs to another process");
    }
    if (!reference->publicKey().is(kind)) return 1;
    auto key = std::make_unique<Key>(Key{kind, reference->publicKey(), reference});
    Key* passed = key.release();
    int type = kObjectIsKey;
    const std::string name = nameOf(kind);
    const OSSL_PARAM params[] = {
        number("type", type),
        text("data-type", name),
        octets("reference", &passed, kReferenceSize),
        kEnd,
    };
    const int done = callback(params, argument);
    const std::unique_ptr<Key> rest(passed);  // destroys the key if it was not taken
    return done;
  });
}

template <KeyKind kind>
const OSSL_DISPATCH* table() {
  static const OSSL_DISPATCH entries[] = {
      entry(kNewContext, &newContext),
      entry(kFreeContext, &freeContext<Context>),
      entry(kDoesSelection, &doesSelection),
      entry(kDecode, &decode<kind>),
      {0, nullptr},
  };
  return entries;
}

constexpr const char* kFromPem = "provider=cryptoki,input=pem";

}  // namespace

const openssl::OSSL_ALGORITHM* decoders() {
  static const openssl::OSSL_ALGORITHM all[] = {
      {"RSA", kFromPem, table<KeyKind::Rsa>(), nullptr},
      {"EC", kFromPem, table<KeyKind::Ec>(), nullptr},
      {"ED25519", kFromPem, table<KeyKind::Ed25519>(), nullptr},
      {"ED448", kFromPem, table<KeyKind::Ed448>(), nullptr},
      {"X25519", kFromPem, table<KeyKind::X25519>(), nullptr},
      {"X448", kFromPem, table<KeyKind::X448>(), nullptr},
      {nullptr, nullptr, nullptr, nullptr},
  };
  return all;
}

}  // namespace cryptoki::provider
