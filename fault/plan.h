// The plan: the calls to disturb, and the faults to inject. Its text form has one rule per line:
//
//   C_Sign nth=3 return=CKR_DEVICE_ERROR
//   C_Sign,C_SignFinal session=2 every=10 delay=1.5
//   * probability=0.01 seed=7 lose-session
//
// First the functions (names separated by commas, or * for all), then conditions and actions in any order.
// All conditions must hold. A line that begins with # is ignored.
//
//   conditions
//     session=N           on the Nth session opened through this module, counted from 1 and never reset
//     handle=N            on the session with this handle (decimal, or 0x...)
//     nth=N               only the Nth call that matches the functions and the session (from 1)
//     every=N             the Nth of them, the 2Nth ...
//     from=N count=M      M of them from the Nth on; without count all that follow
//     probability=P       each with this probability, decided only by its number and
//     seed=S              this number, so that a run can be repeated
//   actions before the call, in this order
//     delay=MS            waits
//     hang                waits until it is released
//     logout              logs out on the token of the call; on all tokens if the call has none
//     lose-session        loses the session of the call
//     lose-sessions       loses all sessions
//     remove-token[=MS]   removes the token of the call, or all tokens: for good, or for this time
//     lose-device         all calls return CKR_DEVICE_ERROR until C_Finalize and C_Initialize
//     return=CKR          returns this without a call
//     grown=N             a fetch returns CKR_BUFFER_TOO_SMALL and a length N larger than its buffer
//   actions after the call
//     size=N              a question for a length returns N more (or fewer: -N)
//     flip-bit[=N]        inverts bit N of the bytes that the call returns
//     delay-after=MS      waits
//     call-return=CKR     returns this, although the call was made
//   an action instead of the call
//     oddity=NAME         the call deviates from PKCS#11 like a real module (names: spec/oddities.json);
//                         * then means the functions that the oddity applies to, and return=CKR sets the
//                         code that it returns, if it has one
//
// A rule with size counts only calls that ask for a length, one with grown or flip-bit only calls that fetch,
// one with an oddity only the calls that spec/oddities.json lists.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fault/generated/functions.h"
#include "fault/generated/oddities.h"

namespace cryptoki::fault {

using Milliseconds = std::chrono::duration<double, std::milli>;

// The faults of one call. Several rules may contribute.
struct Faults {
  Milliseconds delay{};
  bool hang = false;
  bool logout = false;
  bool loseSession = false;
  bool loseSessions = false;
  bool loseDevice = false;
  bool removeToken = false;
  Milliseconds removedFor{};  // zero: until insertToken()
  std::optional<CK_RV> returns;
  std::optional<CK_ULONG> grown;
  std::optional<std::int64_t> size;
  std::optional<std::uint64_t> flipBit;
  Milliseconds delayAfter{};
  std::optional<CK_RV> callReturns;
  OddityBits oddities;
  std::optional<CK_RV> oddityCode;  // replaces the default code of the oddity

  void add(const Faults& other);
};

// The properties of a call that conditions test.
struct Occasion {
  Function function{};
  std::uint64_t session = 0;  // the ordinal of the session; 0: the call has no session
  CK_SESSION_HANDLE handle = 0;
  bool asksLength = false;  // it asks for the length of its result
  bool fetches = false;     // it fetches bytes
};

struct RuleCount {
  std::uint64_t matches;  // calls that matched the functions and the session
  std::uint64_t injected;
};

class Rule {
 public:
  // Throws std::out_of_range for a number, otherwise std::invalid_argument, with the reason.
  explicit Rule(std::string_view line);

  bool concerns(Function function) const { return functions_[static_cast<std::size_t>(function)]; }
  bool asksFor(Oddity oddity) const { return oddity_ == oddity; }

  // Counts the call if it matches; returns null if no fault is to be injected.
  const Faults* match(const Occasion& occasion);

  RuleCount count() const { return {matches_.load(), injected_.load()}; }

 private:
  void readFunctions(std::string_view names);
  void readWord(std::string_view name, std::optional<std::string_view> value);
  bool readCondition(std::string_view name, std::string_view value);
  bool readAction(std::string_view name, std::optional<std::string_view> value);
  void checkFunctions() const;
  void readOddity(std::string_view name);
  void applyOddity();
  bool isItsTurn(std::uint64_t number) const;

  std::array<bool, kFunctionCount> functions_{};
  bool all_ = false;
  std::optional<std::uint64_t> session_;
  std::optional<CK_SESSION_HANDLE> handle_;
  std::optional<std::uint64_t> nth_;
  std::optional<std::uint64_t> every_;
  std::uint64_t from_ = 1;
  std::optional<std::uint64_t> count_;
  std::optional<double> probability_;
  std::uint64_t seed_ = 0;
  std::optional<Oddity> oddity_;
  bool acts_ = false;
  Faults faults_;

  std::atomic<std::uint64_t> matches_{0};
  std::atomic<std::uint64_t> injected_{0};
};

class Plan {
 public:
  // Throws std::out_of_range for a number, otherwise std::invalid_argument, with the reason and the line.
  explicit Plan(std::string_view text);

  // Returns true when a rule names this function. A cheap first check, because most calls match no rule.
  bool concerns(Function function) const { return concerned_[static_cast<std::size_t>(function)]; }

  Faults match(const Occasion& occasion);

  // Returns true when a rule names this oddity, for any call.
  bool asksFor(Oddity oddity) const;

  std::vector<RuleCount> counts() const;

 private:
  std::deque<Rule> rules_;  // a deque, because rules contain atomics and cannot move
  std::array<bool, kFunctionCount> concerned_{};
};

}  // namespace cryptoki::fault
