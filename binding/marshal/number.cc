#include "marshal/number.h"

#include <cmath>
#include <cstdint>
#include <limits>

namespace cryptoki {
namespace {
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
