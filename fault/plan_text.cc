// The text form of a rule.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>
#include <stdexcept>

#include "fault/plan.h"

namespace cryptoki::fault {
namespace {

constexpr double kLongestDelay = 86'400'000;  // a day; use a hang for longer times

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why); }
[[noreturn]] void refuseNumber(const std::string& why) { throw std::out_of_range(why); }

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

std::uint64_t readNumber(std::string_view name, std::string_view text, std::uint64_t least) {
  const bool isHex = text.starts_with("0x");
  const std::string_view digits = text.substr(isHex ? 2 : 0);
  std::uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, isHex ? 16 : 10);
  if (error != std::errc{} || end != digits.data() + digits.size() || value < least)
    refuseNumber(std::string(name) + " takes a whole number from " + std::to_string(least) + ", not " +
                 quoted(text));
  return value;
}

std::int64_t readSigned(std::string_view name, std::string_view text) {
  const std::string_view digits = text.substr(text.starts_with('+') ? 1 : 0);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size())
    refuseNumber(std::string(name) + " takes a whole number, not " + quoted(text));
  return value;
}

// Uses a stream: older C++ libraries have no std::from_chars for fractions.
double readFraction(std::string_view name, std::string_view text, double most) {
  std::istringstream stream{std::string(text)};
  stream.imbue(std::locale::classic());
  double value = -1;
  stream >> value;
  if (stream.fail() || !stream.eof() || !std::isfinite(value) || value < 0 || value > most) {
    std::ostringstream limit;
    limit.imbue(std::locale::classic());
    limit << std::fixed;
    limit.precision(0);
    limit << most;
    refuseNumber(std::string(name) + " takes a number from 0 to " + limit.str() + ", not " + quoted(text));
  }
  return value;
}

Milliseconds readTime(std::string_view name, std::string_view text) {
  return Milliseconds(readFraction(name, text, kLongestDelay));
}

CK_RV readReturnValue(std::string_view name, std::string_view text) {
  const auto* known = std::find_if(kReturnValues.begin(), kReturnValues.end(),
                                   [&](const auto& value) { return value.name == text; });
  if (known != kReturnValues.end()) return known->value;
  if (text.empty() || text[0] < '0' || text[0] > '9')
    refuse(std::string(name) + " takes a CKR_ name of PKCS#11 or a number, not " + quoted(text));
  return static_cast<CK_RV>(readNumber(name, text, 0));
}

}  // namespace

Rule::Rule(std::string_view line) {
  std::istringstream words{std::string(line)};
  std::string word;
  words >> word;
  readFunctions(word);
  while (words >> word) {
    const std::string_view text = word;
    const std::size_t sign = text.find('=');
    readWord(text.substr(0, sign),
             sign == std::string_view::npos ? std::nullopt : std::optional(text.substr(sign + 1)));
  }
  applyOddity();
  if (!acts_) refuse("the rule has no action");
  if (faults_.size && (faults_.grown || faults_.flipBit))
    refuse(
        "size is for calls that ask for a length, grown and flip-bit for calls that fetch: make two rules");
  checkFunctions();
}

void Rule::readFunctions(std::string_view names) {
  all_ = names == "*";
  if (all_) functions_.fill(true);
  while (!all_ && !names.empty()) {
    const std::size_t end = std::min(names.find(','), names.size());
    const std::string_view name = names.substr(0, end);
    const auto* shape = std::find_if(kShapes.begin(), kShapes.end(),
                                     [&](const Shape& candidate) { return candidate.name == name; });
    if (shape == kShapes.end()) refuse(quoted(name) + " is not a function of PKCS#11");
    functions_.at(static_cast<std::size_t>(shape - kShapes.begin())) = true;
    names.remove_prefix(std::min(end + 1, names.size()));
  }
}

void Rule::readWord(std::string_view name, std::optional<std::string_view> value) {
  if (readAction(name, value)) {
    acts_ = true;
    return;
  }
  if (!value || !readCondition(name, *value))
    refuse(quoted(name) +
           (value ? " is not a condition or an action" : " is not an action, or has no value"));
}

bool Rule::readCondition(std::string_view name, std::string_view value) {
  if (name == "session")
    session_ = readNumber(name, value, 1);
  else if (name == "handle")
    handle_ = static_cast<CK_SESSION_HANDLE>(readNumber(name, value, 0));
  else if (name == "nth")
    nth_ = readNumber(name, value, 1);
  else if (name == "every")
    every_ = readNumber(name, value, 1);
  else if (name == "from")
    from_ = readNumber(name, value, 1);
  else if (name == "count")
    count_ = readNumber(name, value, 1);
  else if (name == "probability")
    probability_ = readFraction(name, value, 1);
  else if (name == "seed")
    seed_ = readNumber(name, value, 0);
  else
    return false;
  return true;
}

bool Rule::readAction(std::string_view name, std::optional<std::string_view> value) {
  if (name == "remove-token") {
    faults_.removeToken = true;
    if (value) faults_.removedFor = readTime(name, *value);
    return true;
  }
  if (name == "flip-bit") {
    faults_.flipBit = value ? readNumber(name, *value, 0) : 0;
    return true;
  }
  if (!value) {
    if (name == "hang")
      faults_.hang = true;
    else if (name == "logout")
      faults_.logout = true;
    else if (name == "lose-session")
      faults_.loseSession = true;
    else if (name == "lose-sessions")
      faults_.loseSessions = true;
    else if (name == "lose-device")
      faults_.loseDevice = true;
    else
      return false;
    return true;
  }
  if (name == "oddity")
    readOddity(*value);
  else if (name == "delay")
    faults_.delay = readTime(name, *value);
  else if (name == "delay-after")
    faults_.delayAfter = readTime(name, *value);
  else if (name == "return")
    faults_.returns = readReturnValue(name, *value);
  else if (name == "call-return")
    faults_.callReturns = readReturnValue(name, *value);
  else if (name == "size")
    faults_.size = readSigned(name, *value);
  else if (name == "grown")
    faults_.grown = static_cast<CK_ULONG>(readNumber(name, *value, 1));
  else
    return false;
  return true;
}

// A rule that can never apply is a mistake in a test.
void Rule::checkFunctions() const {
  if (all_) return;
  for (std::size_t i = 0; i < kFunctionCount; ++i) {
    if (!functions_.at(i)) continue;
    const Shape& shape = kShapes.at(i);
    const bool needsSession = session_ || handle_ || faults_.loseSession;
    if (needsSession && shape.target != Target::Session)
      refuse(std::string(shape.name) + " is not called on a session");
    const bool needsLength = faults_.size || faults_.grown;
    if (needsLength && (shape.answer == Answer::None || shape.answer == Answer::Random))
      refuse(std::string(shape.name) + " has no result whose length can be requested");
    if (faults_.flipBit && (shape.answer == Answer::None || shape.answer == Answer::List))
      refuse(std::string(shape.name) + " returns no bytes");
  }
}

}  // namespace cryptoki::fault
