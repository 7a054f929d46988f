#include "marshal/role.h"

#include <algorithm>
#include <string>
#include <utility>

#include "environment.h"
#include "marshal/sizes.h"
#include "module/attachment.h"

namespace cryptoki::role {
namespace {

// A module that keeps asking for more memory is broken.
constexpr int kAttempts = 4;
// A larger number is never needed in one call; a typing error must not cause an allocation failure.
constexpr CK_ULONG kMaxObjects = 1UL << 20;
constexpr CK_ULONG kMaxRandom = 1UL << 30;

}  // namespace

void Session::read(Napi::Value value, const Argument& argument) {
  session = argument.attachment.session(toSessionName(value, argument), argument.function);
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
  if (!buffer.empty()) return;
  buffer = cryptoki::Bytes::scratch(kGuessedRoom + more_);
  isGuess_ = true;
}

void OutBytes::prepareFor(CK_MECHANISM_TYPE mechanism) {
  const ResultRoom room = roomForResult(mechanism, more_);
  if (room.isGuess) return;  // makeRoom() does it later, on the thread of the call
  buffer = cryptoki::Bytes::zeros(room.size);
  isGuess_ = false;
}

void OutBytes::trim() {
  if (buffer.size() < kGuessedRoom) return;
  cryptoki::Bytes result(buffer.data(), std::min<std::size_t>(length, buffer.size()));
  cryptoki::Bytes::keepScratch(std::exchange(buffer, std::move(result)));
}

Napi::Value OutShort::value(Napi::Env env) const {
  return Environment::of(env).result(buffer.data(), length);
}

bool OutBytes::again(CK_RV& rv) {
  if (rv == CKR_OK && (length > buffer.size() || (isGuess_ && length == buffer.size()))) {
    rv = CKR_GENERAL_ERROR;  // longer than the buffer, or the length was not set
    return false;
  }
  if (rv != CKR_BUFFER_TOO_SMALL || ++attempts >= kAttempts) return false;
  // NSS leaves garbage in the length: grow the buffer until the module accepts it.
  const auto wanted = believed(length, 2 * more_ + kMostResultBytes);
  const bool isSane = wanted && *wanted > buffer.size();
  const std::size_t size = isSane ? *wanted : buffer.size() + std::min(buffer.size() * 7, kMostResultBytes);
  buffer = cryptoki::Bytes::zeros(size + (isSane ? 0 : 1));
  isGuess_ = !isSane;
  return true;
}

bool OutNumbers::makeRoom(CK_RV& rv, std::size_t wanted) {
  constexpr int kRounds = 6;
  if (wanted > kMostListed) {
    rv = CKR_GENERAL_ERROR;
    return false;
  }
  if (++rounds_ > kRounds) {
    if (rv == CKR_OK) rv = CKR_GENERAL_ERROR;  // it reported more each time
    return false;
  }
  asked = true;
  numbers.assign(wanted, CK_UNAVAILABLE_INFORMATION);  // marks elements that the module does not write
  return true;
}

bool OutNumbers::again(CK_RV& rv) {
  constexpr std::size_t kMore = 8;
  if (rv != CKR_OK && rv != CKR_BUFFER_TOO_SMALL) return false;
  const std::size_t said = believed(count, kMostListed).value_or(kMostListed + 1);
  if (!asked) {
    if (rv == CKR_OK && said == 0) return false;
    const bool isUseless = rv == CKR_BUFFER_TOO_SMALL && (said == 0 || said > kMostListed);
    return makeRoom(rv, isUseless ? kMore : said);
  }
  if (rv == CKR_BUFFER_TOO_SMALL || said > numbers.size()) {
    if (rv == CKR_OK && said > kMostListed) return makeRoom(rv, said);  // reports an error
    const std::size_t twice = 2 * numbers.size() + kMore;
    return makeRoom(rv, said > kMostListed ? twice : std::max(said + kMore, std::min(twice, kMostListed)));
  }
  numbers.resize(said);
  // A module that does not set the count may have written fewer.
  std::erase(numbers, CK_UNAVAILABLE_INFORMATION);
  return false;
}

bool OutAsyncData::again(CK_RV& rv) const {
  if (rv == CKR_OK && data.pValue != nullptr && !believed(data.ulValue, kMostResultBytes))
    rv = CKR_GENERAL_ERROR;
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
  bytes = cryptoki::Bytes::zeros(length);
}

bool OutRandom::again(CK_RV& rv) {
  if (rv == CKR_OK && isUnwritten(bytes.data(), bytes.size())) rv = CKR_GENERAL_ERROR;
  return false;
}

bool isUnwritten(const unsigned char* data, std::size_t size) {
  constexpr std::size_t kEnough = 16;
  return size >= kEnough && std::all_of(data, data + size, [](unsigned char byte) { return byte == 0; });
}

}  // namespace cryptoki::role
