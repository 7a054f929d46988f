// Checks that functions of the provider which OpenSSL calls survive exhausted memory: each allocation fails in turn, and no
// exception may leave them. The provider is linked without a module and Node.js; replacements for both follow below.
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>

#include "openssl/parameters.h"
#include "openssl_provider/provider.h"
#include "native_keys/reference_table.h"

namespace {

long left = -1;  // allocations until the one that fails; negative: none fails

void* allocate(std::size_t size) {
  if (left >= 0 && left-- == 0) throw std::bad_alloc();
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t /*size*/) noexcept { std::free(memory); }

namespace cryptoki {

namespace openssl {
const Functions& functions() {
  static const Functions fakes = [] {
    Functions made{};
    made.EVP_PKEY_up_ref = [](EVP_PKEY*) { return 1; };
    made.EVP_PKEY_free = [](EVP_PKEY*) {};
    made.EVP_MD_CTX_free = [](EVP_MD_CTX*) {};
    made.EVP_PKEY_CTX_new_from_name = [](OSSL_LIB_CTX*, const char*, const char*) -> EVP_PKEY_CTX* { return nullptr; };
    return made;
  }();
  return fakes;
}
}  // namespace openssl

namespace provider {
int raise(const Failure& /*failure*/) noexcept { return 0; }
int raise(const char* /*what*/) noexcept { return 0; }
bool read(openssl::OSSL_CORE_BIO* /*in*/, void* data, std::size_t size, std::size_t* length) {
  static bool isAtEnd = false;
  *length = isAtEnd ? 0 : size;
  if (!isAtEnd) std::memset(data, '-', size);
  isAtEnd = !isAtEnd;
  return *length > 0;
}
}  // namespace provider

namespace reference_table {
std::shared_ptr<KeyReference> find(std::string_view /*id*/) { return nullptr; }
const std::string& prefix() {
  static const std::string& only = *new std::string("prefix");
  return only;
}
}  // namespace reference_table

Bytes KeyReference::sign(CK_MECHANISM_TYPE, const Bytes&, const Bytes&, const std::function<bool(const Bytes&)>&) {
  return {};
}
Bytes KeyReference::decrypt(CK_MECHANISM_TYPE, const Bytes&, const Bytes&) { return {}; }
Bytes KeyReference::derive(const Bytes&, std::size_t) { return {}; }

}  // namespace cryptoki

namespace {

using cryptoki::openssl::OSSL_ALGORITHM;
using cryptoki::openssl::OSSL_DISPATCH;
using cryptoki::openssl::OSSL_PARAM;
using cryptoki::provider::Key;

int escaped = 0;

// Calls `function` repeatedly: the first allocation fails, then the second, and so on until none fails.
template <class Function>
void starve(const char* what, const char* algorithm, Function&& function) {
  constexpr long kMost = 64;
  for (long failing = 0; failing < kMost; ++failing) {
    left = failing;
    try {
      function();
    } catch (...) {
      left = -1;
      std::printf("%s of %s throws\n", what, algorithm);
      ++escaped;
      return;
    }
    const bool isEnough = left >= 0;
    left = -1;
    if (isEnough) return;
  }
}

template <class Function>
Function* find(const OSSL_ALGORITHM& algorithm, int id) {
  for (const OSSL_DISPATCH* entry = algorithm.implementation; entry->id != 0; ++entry) {
    if (entry->id == id) return reinterpret_cast<Function*>(entry->function);
  }
  std::printf("%s has no function %d\n", algorithm.names, id);
  std::exit(2);
}

// The functions of a kind of operation with contexts, by their numbers.
struct Numbers {
  int newContext, freeContext, dupContext, init, setParams;
};

void contexts(const OSSL_ALGORITHM* all, const Numbers& numbers) {
  std::string text = "a digest whose name is longer than what a string holds without memory of its own";
  const OSSL_PARAM params[] = {
      cryptoki::provider::text("digest", text), cryptoki::provider::text("mgf1-digest", text),
      cryptoki::provider::text("pad-mode", text), cryptoki::provider::text("kdf-type", text),
      cryptoki::provider::octets("oaep-label", text.data(), text.size()), cryptoki::provider::kEnd};
  Key key{cryptoki::KeyKind::Rsa, {}, {}};
  for (; all->names != nullptr; ++all) {
    auto* make = find<void*(void*, const char*)>(*all, numbers.newContext);
    auto* free = find<void(void*)>(*all, numbers.freeContext);
    starve("newContext", all->names, [&] { free(make(nullptr, nullptr)); });
    void* context = make(nullptr, nullptr);
    if (numbers.setParams != 0) {
      auto* set = find<int(void*, const OSSL_PARAM*)>(*all, numbers.setParams);
      starve("setParams", all->names, [&] { set(context, params); });
    }
    auto* init = find<int(void*, void*, const OSSL_PARAM*)>(*all, numbers.init);
    starve("init", all->names, [&] { init(context, &key, params); });
    auto* dup = find<void*(void*)>(*all, numbers.dupContext);
    starve("dupContext", all->names, [&] { free(dup(context)); });
    free(context);
  }
}

}  // namespace

int main() {
  namespace provider = cryptoki::provider;
  for (const OSSL_ALGORITHM* one = provider::keyManagements(); one->names != nullptr; ++one) {
    auto* make = find<void*(void*)>(*one, 1);
    auto* free = find<void(void*)>(*one, 10);
    auto* duplicate = find<void*(const void*, int)>(*one, 44);
    auto* import = find<int(void*, int, const OSSL_PARAM*)>(*one, 40);
    starve("new", one->names, [&] { free(make(nullptr)); });
    void* key = make(nullptr);
    starve("duplicate", one->names, [&] { free(duplicate(key, 0)); });
    starve("import", one->names, [&] { import(key, cryptoki::openssl::kPublicKey, nullptr); });
    free(key);
  }
  const OSSL_ALGORITHM* signatures = provider::signatures();
  for (const OSSL_ALGORITHM* one = signatures; one->names != nullptr; ++one) {
    const OSSL_ALGORITHM only[] = {*one, {nullptr, nullptr, nullptr, nullptr}};
    const bool isWhole = std::string(one->names).starts_with("ED");
    contexts(only, {1, 16, 17, 2, isWhole ? 0 : 20});
  }
  contexts(provider::asymCiphers(), {1, 6, 7, 4, 10});
  contexts(provider::keyExchanges(), {1, 5, 6, 2, 7});
  for (const OSSL_ALGORITHM* one = provider::decoders(); one->names != nullptr; ++one) {
    auto* make = find<void*(void*)>(*one, 1);
    auto* free = find<void(void*)>(*one, 2);
    starve("newContext", one->names, [&] { free(make(nullptr)); });
    auto* decode = find<int(void*, void*, int, void*, void*, void*, void*)>(*one, 11);
    starve("decode", one->names, [&] { decode(nullptr, nullptr, 0, nullptr, nullptr, nullptr, nullptr); });
  }
  std::puts(escaped == 0 ? "no exception" : "exceptions");
  return escaped == 0 ? 0 : 1;
}
