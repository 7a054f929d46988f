#include "openssl_provider/provider.h"
#include "native_keys/reference_table.h"

#include <array>
#include <cstdarg>
#include <mutex>

namespace cryptoki::provider {
namespace {

using openssl::OSSL_CORE_HANDLE;
using openssl::OSSL_DISPATCH;
using openssl::OSSL_ITEM;

// Functions from libcrypto. Written once, before libcrypto calls any of our functions.
struct Core {
  const OSSL_CORE_HANDLE* handle = nullptr;
  void (*newError)(const OSSL_CORE_HANDLE*) = nullptr;
  void (*setErrorDebug)(const OSSL_CORE_HANDLE*, const char* file, int line, const char* function) = nullptr;
  void (*vsetError)(const OSSL_CORE_HANDLE*, std::uint32_t reason, const char* format,
                    std::va_list) = nullptr;
  int (*bioReadEx)(openssl::OSSL_CORE_BIO*, void* data, std::size_t size, std::size_t* length) = nullptr;
};
Core core;

// The reasons of errors. Errors of modules use the number of their CK_RV; ours follow. Node derives error
// codes from the texts: ERR_OSSL_CKR_DEVICE_REMOVED.
enum : unsigned int { kOther = 0x10000, kClosed, kBusy, kForked, kNotOffered };

#define CRYPTOKI_REASON(name) \
  OSSL_ITEM { static_cast<unsigned int>(name), #name }
constexpr std::array kReasons{
    CRYPTOKI_REASON(CKR_HOST_MEMORY),
    CRYPTOKI_REASON(CKR_SLOT_ID_INVALID),
    CRYPTOKI_REASON(CKR_GENERAL_ERROR),
    CRYPTOKI_REASON(CKR_FUNCTION_FAILED),
    CRYPTOKI_REASON(CKR_ARGUMENTS_BAD),
    CRYPTOKI_REASON(CKR_ATTRIBUTE_SENSITIVE),
    CRYPTOKI_REASON(CKR_ATTRIBUTE_TYPE_INVALID),
    CRYPTOKI_REASON(CKR_ATTRIBUTE_VALUE_INVALID),
    CRYPTOKI_REASON(CKR_DATA_INVALID),
    CRYPTOKI_REASON(CKR_DATA_LEN_RANGE),
    CRYPTOKI_REASON(CKR_DEVICE_ERROR),
    CRYPTOKI_REASON(CKR_DEVICE_MEMORY),
    CRYPTOKI_REASON(CKR_DEVICE_REMOVED),
    CRYPTOKI_REASON(CKR_ENCRYPTED_DATA_INVALID),
    CRYPTOKI_REASON(CKR_ENCRYPTED_DATA_LEN_RANGE),
    CRYPTOKI_REASON(CKR_FUNCTION_CANCELED),
    CRYPTOKI_REASON(CKR_FUNCTION_NOT_SUPPORTED),
    CRYPTOKI_REASON(CKR_KEY_HANDLE_INVALID),
    CRYPTOKI_REASON(CKR_KEY_SIZE_RANGE),
    CRYPTOKI_REASON(CKR_KEY_TYPE_INCONSISTENT),
    CRYPTOKI_REASON(CKR_KEY_FUNCTION_NOT_PERMITTED),
    CRYPTOKI_REASON(CKR_MECHANISM_INVALID),
    CRYPTOKI_REASON(CKR_MECHANISM_PARAM_INVALID),
    CRYPTOKI_REASON(CKR_OBJECT_HANDLE_INVALID),
    CRYPTOKI_REASON(CKR_OPERATION_ACTIVE),
    CRYPTOKI_REASON(CKR_OPERATION_NOT_INITIALIZED),
    CRYPTOKI_REASON(CKR_PIN_EXPIRED),
    CRYPTOKI_REASON(CKR_SESSION_CLOSED),
    CRYPTOKI_REASON(CKR_SESSION_COUNT),
    CRYPTOKI_REASON(CKR_SESSION_HANDLE_INVALID),
    CRYPTOKI_REASON(CKR_TEMPLATE_INCONSISTENT),
    CRYPTOKI_REASON(CKR_TOKEN_NOT_PRESENT),
    CRYPTOKI_REASON(CKR_TOKEN_NOT_RECOGNIZED),
    CRYPTOKI_REASON(CKR_USER_NOT_LOGGED_IN),
    CRYPTOKI_REASON(CKR_BUFFER_TOO_SMALL),
    CRYPTOKI_REASON(CKR_CRYPTOKI_NOT_INITIALIZED),
    OSSL_ITEM{kOther, "CRYPTOKI_FAILED"},
    OSSL_ITEM{kClosed, "CRYPTOKI_CLIENT_CLOSED"},
    OSSL_ITEM{kBusy, "CRYPTOKI_POOL_EXHAUSTED"},
    OSSL_ITEM{kForked, "CRYPTOKI_FORKED"},
    OSSL_ITEM{kNotOffered, "CRYPTOKI_UNSUPPORTED"},
    OSSL_ITEM{0, nullptr},
};
#undef CRYPTOKI_REASON

unsigned int reasonOf(const Failure& failure) {
  if (failure.code == "ERR_CRYPTOKI_CLIENT_CLOSED") return kClosed;
  if (failure.code == "ERR_CRYPTOKI_POOL_EXHAUSTED") return kBusy;
  if (failure.code == "ERR_CRYPTOKI_FORKED") return kForked;
  for (const OSSL_ITEM& reason : kReasons) {
    if (failure.code.empty() && reason.data != nullptr && reason.id == failure.rv) return reason.id;
  }
  return kOther;
}

void setError(unsigned int reason, const char* function, const char* format,
              ...) noexcept {  // NOLINT: as OpenSSL's
  core.newError(core.handle);
  core.setErrorDebug(core.handle, "", 0, function);
  std::va_list arguments;
  va_start(arguments, format);
  core.vsetError(core.handle, reason, format, arguments);
  va_end(arguments);
}

const openssl::OSSL_ALGORITHM* query(void* /*context*/, int operation, int* noCache) {
  *noCache = 0;
  switch (operation) {
    case openssl::kOpKeyManagement:  // the first call builds its tables, which may throw
      return guardedPointer([] { return keyManagements(); });
    case openssl::kOpSignature:
      return signatures();
    case openssl::kOpAsymCipher:
      return asymCiphers();
    case openssl::kOpKeyExchange:
      return keyExchanges();
    case openssl::kOpDecoder:
      return decoders();
    default:
      return nullptr;
  }
}

const OSSL_ITEM* reasons(void* /*context*/) { return kReasons.data(); }

int initialise(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* in, const OSSL_DISPATCH** out,
               void** context) {
  Core received;
  received.handle = handle;
  const auto take = [](auto& function, const OSSL_DISPATCH& from) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(from.function);
  };
  for (; in->id != 0; ++in) {
    if (in->id == openssl::kCoreNewError) take(received.newError, *in);
    if (in->id == openssl::kCoreSetErrorDebug) take(received.setErrorDebug, *in);
    if (in->id == openssl::kCoreVsetError) take(received.vsetError, *in);
    if (in->id == openssl::kBioReadEx) take(received.bioReadEx, *in);
  }
  if (received.newError == nullptr || received.setErrorDebug == nullptr || received.vsetError == nullptr ||
      received.bioReadEx == nullptr)
    return 0;
  core = received;
  static const OSSL_DISPATCH functions[] = {
      entry(openssl::kProviderQueryOperation, &query),
      entry(openssl::kProviderGetReasonStrings, &reasons),
      {0, nullptr},
  };
  *out = functions;
  *context = &core;
  return 1;
}

// Returns the reason why the provider cannot be registered, or an empty string.
std::string registerOnce(const std::string& version) {
  if (std::string why = openssl::find(version); !why.empty()) return why;
  // The name sorts after "default", "fips" and "legacy": OpenSSL sorts providers by name, and its own must be
  // preferred. The name is unique for each copy of the addon.
  static const std::string& name =
      *new std::string("tokens-cryptoki-" + reference_table::prefix());  // NOLINT
  const auto& functions = openssl::functions();
  if (functions.OSSL_PROVIDER_add_builtin(nullptr, name.c_str(), &initialise) != 1 ||
      functions.OSSL_PROVIDER_try_load(nullptr, name.c_str(), 1) == nullptr)
    return "OpenSSL did not accept the provider";
  return {};
}

}  // namespace

void ensureRegistered(const std::string& version) {
  static std::mutex& mutex = *new std::mutex;  // NOLINT(cppcoreguidelines-owning-memory)
  static bool done = false;
  static std::string& why = *new std::string;  // NOLINT(cppcoreguidelines-owning-memory)
  std::lock_guard lock(mutex);
  if (!done) why = registerOnce(version);
  done = true;
  if (why.empty()) return;
  throw Failure::ours("ERR_CRYPTOKI_UNSUPPORTED", "keys in tokens cannot be native keys here: " + why +
                                                      "; use sign() of the key instead");
}

std::string pemOf(const KeyReference& reference) {
  const std::string label = kPemLabel;
  return "-----BEGIN " + label + "-----\n" + reference.id() + "\n-----END " + label + "-----\n";
}

int raise(const Failure& failure) noexcept {
  const char* function = failure.function == nullptr ? "" : failure.function;
  const char* detail = failure.detail.empty() ? failure.code.c_str() : failure.detail.c_str();
  setError(reasonOf(failure), function, "%s: 0x%lx %s", function, static_cast<unsigned long>(failure.rv),
           detail);
  return 0;
}

int raise(const char* what) noexcept {
  setError(kNotOffered, "", "%s", what);
  return 0;
}

bool read(openssl::OSSL_CORE_BIO* in, void* data, std::size_t size, std::size_t* length) {
  return core.bioReadEx(in, data, size, length) == 1;
}

}  // namespace cryptoki::provider
