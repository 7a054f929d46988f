// OSSL_PARAM: reading and writing the parameters of OpenSSL contexts.
#pragma once

#include <cstring>
#include <optional>
#include <string>

#include "openssl/openssl.h"

namespace cryptoki::provider {

inline constexpr openssl::OSSL_PARAM kEnd{nullptr, 0, nullptr, 0, 0};

inline openssl::OSSL_PARAM describe(const char* key, unsigned int type, std::size_t size = 0) {
  return {key, type, nullptr, size, openssl::kUnmodified};
}
inline openssl::OSSL_PARAM text(const char* key, const std::string& value) {
  return {key, openssl::kUtf8String, const_cast<char*>(value.data()), value.size(),
          openssl::kUnmodified};  // NOLINT
}
openssl::OSSL_PARAM text(const char* key, std::string&& value) = delete;  // must outlive the parameter
inline openssl::OSSL_PARAM number(const char* key, int& value) {
  return {key, openssl::kInteger, &value, sizeof value, openssl::kUnmodified};
}
inline openssl::OSSL_PARAM octets(const char* key, const void* data, std::size_t size) {
  return {key, openssl::kOctetString, const_cast<void*>(data), size,
          openssl::kUnmodified};  // NOLINT: only read
}

template <class Param>
Param* locate(Param* params, const char* key) {
  if (params == nullptr) return nullptr;
  for (; params->key != nullptr; ++params) {
    if (std::strcmp(params->key, key) == 0) return params;
  }
  return nullptr;
}

// An integer in the byte order of this machine; empty when its size is not supported.
template <class Integer>
std::optional<int> toIntAs(const openssl::OSSL_PARAM& param) {
  Integer value{};
  std::memcpy(&value, param.data, sizeof value);
  return static_cast<int>(value);
}
inline std::optional<int> toInt(const openssl::OSSL_PARAM& param) {
  if (param.data == nullptr) return {};
  if (param.size == sizeof(int)) return toIntAs<int>(param);
  if (param.size == sizeof(long long)) return toIntAs<long long>(param);
  return {};
}

inline std::optional<std::string> toText(const openssl::OSSL_PARAM& param) {
  if (param.data == nullptr || param.type != openssl::kUtf8String) return {};
  const auto* data = static_cast<const char*>(param.data);
  return std::string(data, strnlen(data, param.size));
}

// A number, or one of the words that stand for a number.
template <std::size_t count>
std::optional<int> toInt(const openssl::OSSL_PARAM& param,
                         const std::pair<const char*, int> (&words)[count]) {
  if (param.type != openssl::kUtf8String) return toInt(param);
  const auto text = toText(param);
  if (!text) return {};
  for (const auto& [word, value] : words) {
    if (*text == word) return value;
  }
  try {
    std::size_t used = 0;
    const int value = std::stoi(*text, &used);
    if (used == text->size()) return value;
  } catch (const std::exception&) {
  }
  return {};
}

inline constexpr std::pair<const char*, int> kPaddings[] = {
    {"pkcs1", openssl::kPadPkcs1}, {"none", openssl::kPadNone}, {"oaep", openssl::kPadOaep},
    {"oeap", openssl::kPadOaep},   {"pss", openssl::kPadPss},
};
inline constexpr std::pair<const char*, int> kSaltLengths[] = {
    {"digest", openssl::kSaltDigest},
    {"auto", openssl::kSaltAuto},
    {"max", openssl::kSaltMax},
    {"auto-digestmax", openssl::kSaltAutoDigestMax},
};

inline bool put(openssl::OSSL_PARAM* param, int value) {
  if (param == nullptr) return true;
  if (param->type == openssl::kInteger || param->type == openssl::kUnsignedInteger) {
    if (param->size == sizeof(long long)) {
      const long long wide = value;
      std::memcpy(param->data, &wide, sizeof wide);
      param->returned = sizeof wide;
      return true;
    }
    if (param->size != sizeof value) return false;
    std::memcpy(param->data, &value, sizeof value);
    param->returned = sizeof value;
    return true;
  }
  return false;
}

inline bool put(openssl::OSSL_PARAM* param, const std::string& value) {
  if (param == nullptr) return true;
  if (param->type != openssl::kUtf8String) return false;
  param->returned = value.size();
  if (param->data == nullptr) return true;
  if (param->size < value.size()) return false;
  std::memcpy(param->data, value.c_str(), param->size > value.size() ? value.size() + 1 : value.size());
  return true;
}

// Writes the word for a number when the parameter is requested as text.
template <std::size_t count>
bool put(openssl::OSSL_PARAM* param, int value, const std::pair<const char*, int> (&words)[count]) {
  if (param == nullptr || param->type != openssl::kUtf8String) return put(param, value);
  for (const auto& [word, meaning] : words) {
    if (meaning == value) return put(param, std::string(word));
  }
  return put(param, std::to_string(value));
}

}  // namespace cryptoki::provider
