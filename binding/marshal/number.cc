#include "marshal/number.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

namespace cryptoki {
namespace {
constexpr std::size_t kNameWords = 3;
constexpr double kMaxSafeInteger = 9007199254740991.0;
constexpr const char* kWanted = "a non-negative integer (number or bigint)";

std::string range() { return "an integer from 0 to " + std::to_string(std::numeric_limits<CK_ULONG>::max()); }
}  // namespace

CK_ULONG toUlong(Napi::Value value, const Argument& argument) {
  constexpr auto kMax = std::numeric_limits<CK_ULONG>::max();
  if (value.IsBigInt()) {
    bool lossless = false;
    const std::uint64_t number = value.As<Napi::BigInt>().Uint64Value(&lossless);
    if (!lossless || number > kMax) argument.outOfRange(range());
    return static_cast<CK_ULONG>(number);
  }
  if (!value.IsNumber()) argument.mustBe(kWanted, value);
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= 0) || number > kMaxSafeInteger || number != std::floor(number))
    argument.outOfRange(range());
  if (static_cast<std::uint64_t>(number) > kMax) argument.outOfRange(range());
  return static_cast<CK_ULONG>(number);
}

bool readSessionName(napi_env env, napi_value value, SessionName& name) {
  int sign = 0;
  std::array<std::uint64_t, kNameWords> words{};
  std::size_t count = words.size();
  if (napi_get_value_bigint_words(env, value, &sign, &count, words.data()) != napi_ok || sign != 0 ||
      (count > 1 && count != kNameWords) || words[1] != 0 || words[0] > std::numeric_limits<CK_ULONG>::max())
    return false;
  name = {static_cast<CK_SESSION_HANDLE>(words[0]), words[2]};
  return true;
}

SessionName toSessionName(Napi::Value value, const Argument& argument) {
  SessionName name;
  if (!value.IsBigInt()) argument.mustBe("a session handle (bigint)", value);
  if (!readSessionName(value.Env(), value, name)) argument.outOfRange(range());
  return name;
}

Napi::Value fromSessionName(Napi::Env env, SessionName name) {
  const std::array<std::uint64_t, kNameWords> words{name.handle, 0, name.serial};
  return Napi::BigInt::New(env, 0, words.size(), words.data());
}

CK_BBOOL toBoolean(Napi::Value value, const Argument& argument) {
  if (!value.IsBoolean()) argument.mustBe("a boolean", value);
  return value.As<Napi::Boolean>().Value() ? CK_TRUE : CK_FALSE;
}

Napi::Value fromUlong(Napi::Env env, CK_ULONG value) {
  if (static_cast<double>(value) <= kMaxSafeInteger)
    return Napi::Number::New(env, static_cast<double>(value));
  return fromHandle(env, value);
}

Napi::Value fromAvailable(Napi::Env env, CK_ULONG value) {
  return value == CK_UNAVAILABLE_INFORMATION ? env.Undefined() : fromUlong(env, value);
}

Napi::Value fromHandle(Napi::Env env, CK_ULONG value) {
  return Napi::BigInt::New(env, static_cast<std::uint64_t>(value));
}

}  // namespace cryptoki
