// The plan: which calls are spoiled, and how. Its text form has one rule per line:
//
//   C_Sign nth=3 return=CKR_DEVICE_ERROR
//   C_Sign,C_SignFinal session=2 every=10 delay=1.5
//   * probability=0.01 seed=7 lose-session
//
// First the functions (names with commas between, or * for all), then conditions and actions in any order.
// All conditions must hold. A line that begins with # is left out.
//
//   conditions
//     session=N           on the Nth session opened through this module, counted from 1 and never anew
//     handle=N            on the session with this handle (decimal, or 0x...)
//     nth=N               only the Nth call that the functions and the session fit (from 1)
//     every=N             the Nth of them, the 2Nth ...
//     from=N count=M      M of them from the Nth on; without count all that follow
//     probability=P       each with this probability, decided by its number and
//     seed=S              this number alone, so that a run can be repeated
//   actions before the call, in this order
//     delay=MS            waits
//     hang                waits until it is released
//     logout              logs out on the token of the call; on all if it names none
//     lose-session        the session of the call is gone
//     lose-sessions       all sessions are gone
//     remove-token[=MS]   the token of the call, or all, is gone: for good, or for a time
//     lose-device         all answer CKR_DEVICE_ERROR until C_Finalize and C_Initialize
//     return=CKR          answers this without a call
//     grown=N             a fetch answers CKR_BUFFER_TOO_SMALL: N more than its buffer has
//   actions after the call
//     size=N              a call that asks for a length is given N more (or fewer: -N)
//     flip-bit[=N]        bit N of the bytes that the call answers is inverted
//     delay-after=MS      waits
//     call-return=CKR     answers this, though the call was made
//   an action instead of the call
//     oddity=NAME         the call deviates from PKCS#11 as a real module does (spec/oddities.json has the
//     names).
//                         * are the functions that it fits; return=CKR is the code that it answers, if it has
//                         one
//
// A rule with size counts only calls that ask for a length, one with grown or flip-bit only those that fetch,
// one with an oddity those that spec/oddities.json says.
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

// What is to be done to one call. Several rules may add to it.
struct Faults {
  Milliseconds delay{};
  bool hang = false;
  bool logout = false;
  bool loseSession = false;
  bool loseSessions = false;
  bool loseDevice = false;
  bool removeToken = false;
  Milliseconds removedFor{};  // zero: until it is inserted
  std::optional<CK_RV> returns;
  std::optional<CK_ULONG> grown;
  std::optional<std::int64_t> size;
  std::optional<std::uint64_t> flipBit;
  Milliseconds delayAfter{};
  std::optional<CK_RV> callReturns;
  OddityBits oddities;
  std::optional<CK_RV> oddityCode;  // instead of the code that the oddity has

  void add(const Faults& other);
};

// What a rule's conditions look at.
struct Occasion {
  Function function{};
  std::uint64_t session = 0;  // the ordinal of the session; 0: the call is on none
  CK_SESSION_HANDLE handle = 0;
  bool asksLength = false;  // it asks how long its answer will be
  bool fetches = false;     // it fetches bytes
};

struct RuleCount {
  std::uint64_t matches;  // calls that the functions and the session fitted
  std::uint64_t injected;
};

class Rule {
 public:
  // Throws std::invalid_argument with a sentence.
  explicit Rule(std::string_view line);

  bool concerns(Function function) const { return functions_[static_cast<std::size_t>(function)]; }
  bool asksFor(Oddity oddity) const { return oddity_ == oddity; }

  // Counts the call if it fits; null if it is not to be spoiled.
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
  // Throws std::invalid_argument with a sentence that names the line.
  explicit Plan(std::string_view text);

  // Whether a rule names this function: asked before anything else, since most calls are let through.
  bool concerns(Function function) const { return concerned_[static_cast<std::size_t>(function)]; }

  Faults match(const Occasion& occasion);

  // Whether a rule asks for this oddity, in whichever call.
  bool asksFor(Oddity oddity) const;

  std::vector<RuleCount> counts() const;

 private:
  std::deque<Rule> rules_;  // rules hold atomics: they stay where they are made
  std::array<bool, kFunctionCount> concerned_{};
};

}  // namespace cryptoki::fault
