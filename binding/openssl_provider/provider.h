// An OpenSSL provider in this addon: presents keys in tokens as OpenSSL keys. Registered once per process, in
// the library context that Node uses, and never unloaded.
#pragma once

#include <memory>
#include <string>

#include "error.h"
#include "native_keys/key_reference.h"
#include "openssl/openssl.h"
#include "openssl/software_key.h"

namespace cryptoki::provider {

// An OpenSSL key of this provider: the public half, and the private one if it has one.
struct Key {
  KeyKind kind = KeyKind::Rsa;
  SoftwareKey publicKey;
  std::shared_ptr<KeyReference> reference;
};

// The decoder passes a pointer to a Key to the key management.
inline constexpr std::size_t kReferenceSize = sizeof(void*);

// Registers the provider, once. Throws ERR_CRYPTOKI_UNSUPPORTED if OpenSSL is not available. `version`:
// process.versions.openssl.
void ensureRegistered(const std::string& version);

// The PEM of a reference; the decoder turns it into a key.
std::string pemOf(const KeyReference& reference);
inline constexpr const char* kPemLabel = "CRYPTOKI KEY REFERENCE";

// Adds an error to OpenSSL's queue; returns 0, which means failure to OpenSSL.
int raise(const Failure& failure) noexcept;
int raise(const char* what) noexcept;  // for unsupported or invalid requests

// Runs a function called by OpenSSL. Any exception becomes an OpenSSL error.
template <class Body>
int guarded(Body&& body) noexcept {
  try {
    return body();
  } catch (const Failure& failure) {
    return raise(failure);
  } catch (const std::exception& unexpected) {
    return raise(unexpected.what());
  } catch (...) {
    return raise("an unexpected error");
  }
}

// The same for functions that return a pointer: null means failure.
template <class Body>
auto guardedPointer(Body&& body) noexcept -> decltype(body()) {
  decltype(body()) result = nullptr;
  guarded([&] {
    result = body();
    return 1;
  });
  return result;
}

// The functions of contexts for dispatch tables. Contexts are created, copied and destroyed by OpenSSL.
template <class Context>
Context& contextAt(void* context) {
  return *static_cast<Context*>(context);
}
template <class Context>
void* makeContext() noexcept {
  return guardedPointer([]() -> void* { return std::make_unique<Context>().release(); });
}
template <class Context>
void* copyContext(void* context) noexcept {
  return guardedPointer(
      [=]() -> void* { return std::make_unique<Context>(contextAt<Context>(context)).release(); });
}
template <class Context>
void freeContext(void* context) noexcept {
  const std::unique_ptr<Context> last(static_cast<Context*>(context));
}
template <class Context>
int getParams(void* context, openssl::OSSL_PARAM params[]) noexcept {
  return guarded([&] { return contextAt<Context>(context).getParams(params) ? 1 : 0; });
}
template <class Context>
int setParams(void* context, const openssl::OSSL_PARAM params[]) noexcept {
  return guarded([&] {
    contextAt<Context>(context).setParams(params);
    return 1;
  });
}

// Reads up to `size` bytes of the input to decode.
bool read(openssl::OSSL_CORE_BIO* in, void* data, std::size_t size, std::size_t* length);

// A function as an entry of a dispatch table.
template <class Function>
openssl::OSSL_DISPATCH entry(int id, Function* function) {
  return {id, reinterpret_cast<void (*)()>(function)};
}

// The tables of the operations.
const openssl::OSSL_ALGORITHM* keyManagements();
const openssl::OSSL_ALGORITHM* signatures();
const openssl::OSSL_ALGORITHM* asymCiphers();
const openssl::OSSL_ALGORITHM* keyExchanges();
const openssl::OSSL_ALGORITHM* decoders();

inline constexpr const char* kProperties = "provider=cryptoki";

}  // namespace cryptoki::provider
