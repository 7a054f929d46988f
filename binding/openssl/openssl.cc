#include "openssl/openssl.h"

#include <mutex>

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace cryptoki::openssl {
namespace {

Functions found;  // written once, under the mutex of find()

void* symbol(const char* name) {
#if defined(_WIN32)
  return reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(nullptr), name));
#else
  return dlsym(RTLD_DEFAULT, name);
#endif
}

template <class Function>
bool resolve(Function& function, const char* name) {
  function = reinterpret_cast<Function>(symbol(name));
  return function != nullptr;
}

// The name of the first function that is missing, or null.
const char* resolveAll() {
#define CRYPTOKI_RESOLVE(name) \
  if (!resolve(found.name, #name)) return #name
  CRYPTOKI_RESOLVE(OpenSSL_version);
  CRYPTOKI_RESOLVE(OSSL_PROVIDER_add_builtin);
  CRYPTOKI_RESOLVE(OSSL_PROVIDER_try_load);
  CRYPTOKI_RESOLVE(d2i_PUBKEY_ex);
  CRYPTOKI_RESOLVE(EVP_PKEY_free);
  CRYPTOKI_RESOLVE(EVP_PKEY_up_ref);
  CRYPTOKI_RESOLVE(EVP_PKEY_eq);
  CRYPTOKI_RESOLVE(EVP_PKEY_parameters_eq);
  CRYPTOKI_RESOLVE(EVP_PKEY_is_a);
  CRYPTOKI_RESOLVE(EVP_PKEY_get_bits);
  CRYPTOKI_RESOLVE(EVP_PKEY_get_size);
  CRYPTOKI_RESOLVE(EVP_PKEY_get_params);
  CRYPTOKI_RESOLVE(EVP_PKEY_get_octet_string_param);
  CRYPTOKI_RESOLVE(EVP_PKEY_export);
  CRYPTOKI_RESOLVE(EVP_PKEY_CTX_new_from_name);
  CRYPTOKI_RESOLVE(EVP_PKEY_CTX_new_from_pkey);
  CRYPTOKI_RESOLVE(EVP_PKEY_CTX_dup);
  CRYPTOKI_RESOLVE(EVP_PKEY_CTX_free);
  CRYPTOKI_RESOLVE(EVP_PKEY_CTX_set_params);
  CRYPTOKI_RESOLVE(EVP_PKEY_fromdata_init);
  CRYPTOKI_RESOLVE(EVP_PKEY_fromdata);
  CRYPTOKI_RESOLVE(EVP_PKEY_verify_init_ex);
  CRYPTOKI_RESOLVE(EVP_PKEY_verify);
  CRYPTOKI_RESOLVE(EVP_PKEY_encrypt_init_ex);
  CRYPTOKI_RESOLVE(EVP_PKEY_encrypt);
  CRYPTOKI_RESOLVE(EVP_MD_fetch);
  CRYPTOKI_RESOLVE(EVP_MD_free);
  CRYPTOKI_RESOLVE(EVP_MD_is_a);
  CRYPTOKI_RESOLVE(EVP_MD_get0_name);
  CRYPTOKI_RESOLVE(EVP_MD_CTX_new);
  CRYPTOKI_RESOLVE(EVP_MD_CTX_free);
  CRYPTOKI_RESOLVE(EVP_MD_CTX_copy_ex);
  CRYPTOKI_RESOLVE(EVP_DigestInit_ex2);
  CRYPTOKI_RESOLVE(EVP_DigestUpdate);
  CRYPTOKI_RESOLVE(EVP_DigestFinal_ex);
  CRYPTOKI_RESOLVE(EVP_DigestVerifyInit_ex);
  CRYPTOKI_RESOLVE(EVP_DigestVerifyUpdate);
  CRYPTOKI_RESOLVE(EVP_DigestVerifyFinal);
  CRYPTOKI_RESOLVE(EVP_DigestVerify);
  CRYPTOKI_RESOLVE(RAND_bytes);
  CRYPTOKI_RESOLVE(ERR_set_mark);
  CRYPTOKI_RESOLVE(ERR_pop_to_mark);
#undef CRYPTOKI_RESOLVE
  return nullptr;
}

std::string findOnce(const std::string& version) {
  if (const char* missing = resolveAll())
    return std::string("this program does not export the functions of OpenSSL 3 (") + missing +
           " is missing)";
  constexpr int kFullVersion = 7;
  const std::string itself = found.OpenSSL_version(kFullVersion);
  if (version.empty() || !version.starts_with(itself.substr(0, itself.find('+'))))
    return "process.versions.openssl is " + (version.empty() ? "not set" : version) +
           ", but the OpenSSL in this process is " + itself + ", which the program does not use";
  return {};
}

}  // namespace

std::string find(const std::string& version) {
  static std::mutex& mutex = *new std::mutex;  // NOLINT(cppcoreguidelines-owning-memory)
  static bool done = false;
  static std::string& why = *new std::string;  // NOLINT(cppcoreguidelines-owning-memory)
  std::lock_guard lock(mutex);
  if (!done) why = findOnce(version);
  done = true;
  return why;
}

const Functions& functions() { return found; }

}  // namespace cryptoki::openssl
