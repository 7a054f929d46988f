// The part of OpenSSL 3 that the provider needs: numbers, structures and functions of its public interface
// for providers (openssl/core.h, core_dispatch.h). Declared here, so that a build needs no OpenSSL headers.
// The functions are looked up in the executable at run time, so that the addon also loads where they are
// missing (Electron, Bun).
#pragma once

#include <cstddef>
#include <string>

namespace cryptoki::openssl {

extern "C" {

struct OSSL_DISPATCH {
  int id;
  void (*function)();
};
struct OSSL_ITEM {
  unsigned int id;
  const void* data;
};
struct OSSL_ALGORITHM {
  const char* names;
  const char* properties;
  const OSSL_DISPATCH* implementation;
  const char* description;
};
struct OSSL_PARAM {
  const char* key;
  unsigned int type;
  void* data;
  std::size_t size;
  std::size_t returned;
};
struct OSSL_CORE_HANDLE;
struct OSSL_CORE_BIO;
struct OSSL_PROVIDER;
struct OSSL_LIB_CTX;
struct EVP_PKEY;
struct EVP_PKEY_CTX;
struct EVP_MD;
struct EVP_MD_CTX;
struct ENGINE;

using OSSL_CALLBACK = int(const OSSL_PARAM params[], void* argument);
using OSSL_PASSPHRASE_CALLBACK = int(char* pass, std::size_t size, std::size_t* length,
                                     const OSSL_PARAM params[], void* argument);
using OSSL_provider_init_fn = int(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* in,
                                  const OSSL_DISPATCH** out, void** context);

}  // extern "C"

// Parameter types.
constexpr unsigned int kInteger = 1;
constexpr unsigned int kUnsignedInteger = 2;
constexpr unsigned int kUtf8String = 4;
constexpr unsigned int kOctetString = 5;
constexpr unsigned int kUtf8Pointer = 6;

constexpr std::size_t kUnmodified = static_cast<std::size_t>(-1);

// Parts of a key (selection).
constexpr int kPrivateKey = 0x01;
constexpr int kPublicKey = 0x02;
constexpr int kParameters = 0x84;

// Operations of a provider.
constexpr int kOpKeyManagement = 10;
constexpr int kOpKeyExchange = 11;
constexpr int kOpSignature = 12;
constexpr int kOpAsymCipher = 13;
constexpr int kOpDecoder = 21;

// Functions that libcrypto passes to a provider, and that a provider passes to libcrypto.
enum : int {
  kCoreNewError = 5,
  kCoreSetErrorDebug = 6,
  kCoreVsetError = 7,
  kBioReadEx = 42,
  kProviderQueryOperation = 1027,
  kProviderGetReasonStrings = 1029,
};

// Padding modes of RSA, and special values for the salt length of PSS.
enum : int { kPadPkcs1 = 1, kPadNone = 3, kPadOaep = 4, kPadPss = 6 };
enum : int { kSaltDigest = -1, kSaltAuto = -2, kSaltMax = -3, kSaltAutoDigestMax = -4 };

// The functions that the provider calls. It needs all of them.
struct Functions {
  const char* (*OpenSSL_version)(int what);
  int (*OSSL_PROVIDER_add_builtin)(OSSL_LIB_CTX*, const char* name, OSSL_provider_init_fn*);
  OSSL_PROVIDER* (*OSSL_PROVIDER_try_load)(OSSL_LIB_CTX*, const char* name, int retainFallbacks);

  EVP_PKEY* (*d2i_PUBKEY_ex)(EVP_PKEY**, const unsigned char** data, long length, OSSL_LIB_CTX*,
                             const char* query);
  void (*EVP_PKEY_free)(EVP_PKEY*);
  int (*EVP_PKEY_up_ref)(EVP_PKEY*);
  int (*EVP_PKEY_eq)(const EVP_PKEY*, const EVP_PKEY*);
  int (*EVP_PKEY_parameters_eq)(const EVP_PKEY*, const EVP_PKEY*);
  int (*EVP_PKEY_is_a)(const EVP_PKEY*, const char* name);
  int (*EVP_PKEY_get_bits)(const EVP_PKEY*);
  int (*EVP_PKEY_get_size)(const EVP_PKEY*);
  int (*EVP_PKEY_get_params)(const EVP_PKEY*, OSSL_PARAM params[]);
  int (*EVP_PKEY_get_octet_string_param)(const EVP_PKEY*, const char* name, unsigned char* buffer,
                                         std::size_t size, std::size_t* length);
  int (*EVP_PKEY_export)(const EVP_PKEY*, int selection, OSSL_CALLBACK*, void* argument);

  EVP_PKEY_CTX* (*EVP_PKEY_CTX_new_from_name)(OSSL_LIB_CTX*, const char* name, const char* query);
  EVP_PKEY_CTX* (*EVP_PKEY_CTX_new_from_pkey)(OSSL_LIB_CTX*, EVP_PKEY*, const char* query);
  EVP_PKEY_CTX* (*EVP_PKEY_CTX_dup)(const EVP_PKEY_CTX*);
  void (*EVP_PKEY_CTX_free)(EVP_PKEY_CTX*);
  int (*EVP_PKEY_CTX_set_params)(EVP_PKEY_CTX*, const OSSL_PARAM* params);
  int (*EVP_PKEY_fromdata_init)(EVP_PKEY_CTX*);
  int (*EVP_PKEY_fromdata)(EVP_PKEY_CTX*, EVP_PKEY**, int selection, OSSL_PARAM params[]);
  int (*EVP_PKEY_verify_init_ex)(EVP_PKEY_CTX*, const OSSL_PARAM params[]);
  int (*EVP_PKEY_verify)(EVP_PKEY_CTX*, const unsigned char* signature, std::size_t,
                         const unsigned char* data, std::size_t);
  int (*EVP_PKEY_encrypt_init_ex)(EVP_PKEY_CTX*, const OSSL_PARAM params[]);
  int (*EVP_PKEY_encrypt)(EVP_PKEY_CTX*, unsigned char* out, std::size_t* length, const unsigned char* in,
                          std::size_t);

  EVP_MD* (*EVP_MD_fetch)(OSSL_LIB_CTX*, const char* name, const char* query);
  void (*EVP_MD_free)(EVP_MD*);
  int (*EVP_MD_is_a)(const EVP_MD*, const char* name);
  const char* (*EVP_MD_get0_name)(const EVP_MD*);
  EVP_MD_CTX* (*EVP_MD_CTX_new)();
  void (*EVP_MD_CTX_free)(EVP_MD_CTX*);
  int (*EVP_MD_CTX_copy_ex)(EVP_MD_CTX* out, const EVP_MD_CTX* in);
  int (*EVP_DigestInit_ex2)(EVP_MD_CTX*, const EVP_MD*, const OSSL_PARAM params[]);
  int (*EVP_DigestUpdate)(EVP_MD_CTX*, const void* data, std::size_t);
  int (*EVP_DigestFinal_ex)(EVP_MD_CTX*, unsigned char* digest, unsigned int* length);
  int (*EVP_DigestVerifyInit_ex)(EVP_MD_CTX*, EVP_PKEY_CTX**, const char* digest, OSSL_LIB_CTX*,
                                 const char* query, EVP_PKEY*, const OSSL_PARAM params[]);
  int (*EVP_DigestVerifyUpdate)(EVP_MD_CTX*, const void* data, std::size_t);
  int (*EVP_DigestVerifyFinal)(EVP_MD_CTX*, const unsigned char* signature, std::size_t);
  int (*EVP_DigestVerify)(EVP_MD_CTX*, const unsigned char* signature, std::size_t, const unsigned char* data,
                          std::size_t);
  int (*RAND_bytes)(unsigned char*, int length);
  int (*ERR_set_mark)();
  int (*ERR_pop_to_mark)();
};

// Finds the functions in the executable, or in the libraries it is linked with. Returns the reason why they
// cannot be used, or an empty string. `version` is process.versions.openssl: a different OpenSSL that is also
// in the process is useless, because Node does not use it.
std::string find(const std::string& version);

// Valid after find() has returned an empty string.
const Functions& functions();

}  // namespace cryptoki::openssl
