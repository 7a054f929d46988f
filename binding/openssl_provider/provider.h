// An OpenSSL provider in this addon: keys in tokens as keys of OpenSSL. Registered once per process, in the
// library context that Node uses, and never unloaded.
#pragma once

#include <memory>
#include <string>

#include "error.h"
#include "native_keys/key_reference.h"
#include "openssl/openssl.h"
#include "openssl/software_key.h"

namespace cryptoki::provider {

// A key of OpenSSL's that is ours: the public half, and the private one where it is there.
struct Key {
  KeyKind kind = KeyKind::Rsa;
  SoftwareKey publicKey;
  std::shared_ptr<KeyReference> reference;
};

// What the decoder gives to the key management is a pointer to a Key.
inline constexpr std::size_t kReferenceSize = sizeof(void*);

// Registers the provider if that has not been done. Throws ERR_CRYPTOKI_UNSUPPORTED where OpenSSL is not to
// be had. `version`: process.versions.openssl.
void ensureRegistered(const std::string& version);

// The PEM of a reference; the decoder turns it into a key.
std::string pemOf(const KeyReference& reference);
inline constexpr const char* kPemLabel = "CRYPTOKI KEY REFERENCE";

// Puts an error into OpenSSL's queue; returns 0, which is failure there.
int raise(const Failure& failure) noexcept;
int raise(const char* what) noexcept;  // something that is not offered, or was asked for wrongly

// Runs what OpenSSL asks for: a Failure, or any other exception, becomes an error of OpenSSL's.
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

// The same for what gives a pointer: null is failure.
template <class Body>
auto guardedPointer(Body&& body) noexcept -> decltype(body()) {
  decltype(body()) result = nullptr;
  guarded([&] {
    result = body();
    return 1;
  });
  return result;
}

// A context of OpenSSL's: made, copied and let go by it.
template <class Context>
void* makeContext() noexcept {
  return guardedPointer([]() -> void* { return std::make_unique<Context>().release(); });
}
template <class Context>
void* copyContext(const void* context) noexcept {
  return guardedPointer(
      [=]() -> void* { return std::make_unique<Context>(*static_cast<const Context*>(context)).release(); });
}
template <class Context>
void letGo(void* context) noexcept {
  const std::unique_ptr<Context> last(static_cast<Context*>(context));
}

// Reads up to `size` bytes of what is to be decoded.
bool read(openssl::OSSL_CORE_BIO* in, void* data, std::size_t size, std::size_t* length);

// A function in the form of a dispatch table.
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
