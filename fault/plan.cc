#include "fault/plan.h"

#include <algorithm>
#include <stdexcept>

namespace cryptoki::fault {
namespace {

// A number between 0 and 1 that depends only on the seed and the number of the call (the mixing function of
// SplitMix64).
double chance(std::uint64_t seed, std::uint64_t number) {
  std::uint64_t x = seed + number * 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
  x ^= x >> 31U;
  return static_cast<double>(x >> 11U) / static_cast<double>(std::uint64_t{1} << 53U);
}

// Functions without a result of variable length have no calls that ask for a length, so all calls count.
bool isCounted(Calls calls, const Occasion& occasion) {
  if (kShapes[static_cast<std::size_t>(occasion.function)].answer == Answer::None) return true;
  if (calls == Calls::Asking) return occasion.asksLength;
  return calls == Calls::All || occasion.fetches;
}

}  // namespace

void Faults::add(const Faults& other) {
  delay += other.delay;
  hang = hang || other.hang;
  logout = logout || other.logout;
  loseSession = loseSession || other.loseSession;
  loseSessions = loseSessions || other.loseSessions;
  loseDevice = loseDevice || other.loseDevice;
  if (!removeToken) removedFor = other.removedFor;
  removeToken = removeToken || other.removeToken;
  if (!returns) returns = other.returns;
  if (!grown) grown = other.grown;
  if (!size) size = other.size;
  if (!flipBit) flipBit = other.flipBit;
  delayAfter += other.delayAfter;
  if (!callReturns) callReturns = other.callReturns;
  oddities |= other.oddities;
  if (!oddityCode) oddityCode = other.oddityCode;
}

bool Rule::isItsTurn(std::uint64_t number) const {
  if (nth_ && number != *nth_) return false;
  if (every_ && number % *every_ != 0) return false;
  if (number < from_ || (count_ && number - from_ >= *count_)) return false;
  return !probability_ || chance(seed_, number) < *probability_;
}

const Faults* Rule::match(const Occasion& occasion) {
  if (!concerns(occasion.function)) return nullptr;
  if (session_ && occasion.session != *session_) return nullptr;
  if (handle_ && occasion.handle != *handle_) return nullptr;
  if (faults_.size && !occasion.asksLength) return nullptr;
  if ((faults_.grown || faults_.flipBit) && !occasion.fetches) return nullptr;
  if (oddity_ && !isCounted(shapeOf(*oddity_).calls, occasion)) return nullptr;
  if (!isItsTurn(matches_.fetch_add(1) + 1)) return nullptr;
  injected_.fetch_add(1);
  return &faults_;
}

Plan::Plan(std::string_view text) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t start = line.find_first_not_of(" \t\r");
    if (start == std::string_view::npos || line[start] == '#') continue;
    const auto withLine = [&](const std::exception& problem) {
      return "rule in line " + std::to_string(number) + ": " + problem.what();
    };
    try {
      rules_.emplace_back(line);
    } catch (const std::out_of_range& problem) {
      throw std::out_of_range(withLine(problem));
    } catch (const std::invalid_argument& problem) {
      throw std::invalid_argument(withLine(problem));
    }
    for (std::size_t i = 0; i < kFunctionCount; ++i)
      concerned_[i] = concerned_[i] || rules_.back().concerns(static_cast<Function>(i));
  }
}

Faults Plan::match(const Occasion& occasion) {
  Faults result;
  for (Rule& rule : rules_) {
    if (const Faults* faults = rule.match(occasion)) result.add(*faults);
  }
  return result;
}

bool Plan::asksFor(Oddity oddity) const {
  return std::ranges::any_of(rules_, [&](const Rule& rule) { return rule.asksFor(oddity); });
}

std::vector<RuleCount> Plan::counts() const {
  std::vector<RuleCount> result;
  result.reserve(rules_.size());
  for (const Rule& rule : rules_) result.push_back(rule.count());
  return result;
}

}  // namespace cryptoki::fault
