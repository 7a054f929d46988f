#include "marshal/role.h"

#include <algorithm>
#include <string>
#include <utility>

#include "environment.h"
#include "module/attachment.h"

namespace cryptoki::role {
namespace {

// Room for the result of nearly everything that does not grow with its input: ML-DSA-87 signatures are 4,627
// bytes.
constexpr std::size_t kRoom = 5120;
// A module that keeps asking for more is broken.
constexpr int kAttempts = 4;
// More is never needed in one call, and a typing error must not end in an allocation failure.
constexpr CK_ULONG kMaxObjects = 1UL << 20;
constexpr CK_ULONG kMaxRandom = 1UL << 30;

}  // namespace

void Session::read(Napi::Value value, const Argument& argument) {
  if (!value.IsBigInt()) argument.mustBe("a session handle (bigint)", value);
  session = argument.attachment.session(toUlong(value, argument), argument.function);
}

void FunctionName::read(Napi::Value value, const Argument& argument) {
  const cryptoki::Bytes text = toUtf8(value, argument);
  name.assign(text.begin(), text.end());
}

void Label::read(Napi::Value value, const Argument& argument) {
  const cryptoki::Bytes utf8 = toUtf8(value, argument);
  if (utf8.size() > text.size()) argument.outOfRange("at most 32 bytes of UTF-8");
  text.fill(' ');
  std::copy(utf8.begin(), utf8.end(), text.begin());
}

void OutBytes::makeRoom() {
  if (buffer.empty()) buffer = cryptoki::Bytes::scratch(kRoom + more_);
}

void OutBytes::trim() {
  if (buffer.size() < kRoom) return;
  cryptoki::Bytes result(buffer.data(), std::min<std::size_t>(length, buffer.size()));
  cryptoki::Bytes::keepScratch(std::exchange(buffer, std::move(result)));
}

Napi::Value OutShort::value(Napi::Env env) const {
  return Environment::of(env).result(buffer.data(), length);
}

bool OutBytes::again(CK_RV& rv) {
  if (rv == CKR_OK && length > buffer.size()) {
    rv = CKR_GENERAL_ERROR;  // more than there was room for: the module lies
    return false;
  }
  if (rv != CKR_BUFFER_TOO_SMALL || ++attempts >= kAttempts) return false;
  // NSS leaves garbage in the length: double then, until the module is content.
  const bool sane =
      length > buffer.size() && length != CK_UNAVAILABLE_INFORMATION && length / 64 <= buffer.size();
  buffer.resize(sane ? length : buffer.size() * 8);
  return true;
}

bool OutNumbers::again(CK_RV& rv) {
  if (!asked && rv == CKR_OK) {
    asked = true;
    numbers.resize(count);
    return count > 0;
  }
  if (rv == CKR_BUFFER_TOO_SMALL) {  // grew in between
    asked = false;
    numbers.clear();
    return true;
  }
  if (count > numbers.size()) count = static_cast<CK_ULONG>(numbers.size());
  return false;
}

Napi::Value OutAsyncData::value(Napi::Env env) const {
  auto object = Napi::Object::New(env);
  if (data.pValue != nullptr) object.Set("value", fromBytes(env, data.pValue, data.ulValue));
  object.Set("object", fromHandle(env, data.hObject));
  object.Set("additionalObject", fromHandle(env, data.hAdditionalObject));
  return object;
}

void OutObjects::read(Napi::Value value, const Argument& argument) {
  const CK_ULONG most = toUlong(value, argument);
  if (most < 1 || most > kMaxObjects)
    argument.outOfRange("an integer from 1 to " + std::to_string(kMaxObjects));
  handles.resize(most);
}

Napi::Value OutObjects::value(Napi::Env env) const {
  const std::size_t found = std::min<std::size_t>(count, handles.size());
  auto list = Napi::Array::New(env, found);
  for (std::uint32_t i = 0; i < found; ++i) list.Set(i, fromHandle(env, handles[i]));
  return list;
}

void OutRandom::read(Napi::Value value, const Argument& argument) {
  const CK_ULONG length = toUlong(value, argument);
  if (length > kMaxRandom) argument.outOfRange("an integer from 0 to " + std::to_string(kMaxRandom));
  bytes.resize(length);
}

}  // namespace cryptoki::role
