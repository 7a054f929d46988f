// The fault module: one instance for each loaded copy of its file.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fault/call.h"
#include "fault/counters.h"
#include "fault/odd_state.h"
#include "fault/plan.h"
#include "fault/real.h"
#include "fault/session_table.h"
#include "fault/slots.h"

namespace cryptoki::fault {

using Environment = std::vector<std::pair<std::string, std::string>>;

class Instance {
 public:
  static Instance& get();

  // --- control: from any thread, at any time ---

  // Loads the real module. Throws Failure; throws std::logic_error when another module is already loaded.
  void useModule(const std::string& path);
  // Variables to set before each initialisation of the real module.
  void useEnvironment(Environment environment);
  // Throws std::invalid_argument.
  void setPlan(std::string_view text);
  std::vector<RuleCount> ruleCounts() const;
  void clearPlan() { plan_ = nullptr; }
  // Returns true when a rule of the plan names this oddity, for any call.
  bool plans(Oddity oddity) const;
  // Releases all hanging calls; returns their number.
  std::uint32_t release();
  // Removes the token from one slot, or from all slots that have one. Throws Failure when the real module
  // cannot list them.
  void removeToken(std::optional<CK_SLOT_ID> slot, Milliseconds duration);
  void insertToken(std::optional<CK_SLOT_ID> slot);
  // `inFlight`: the result of calls that are in flight on the sessions; later calls return
  // CKR_SESSION_HANDLE_INVALID.
  void loseSessions(std::optional<CK_SLOT_ID> slot, CK_RV inFlight);
  void loseDevice();
  // Calls C_Logout on one slot, or on all slots with open sessions.
  void logout(std::optional<CK_SLOT_ID> slot);

  Counters counters;
  SessionTable sessions;
  Slots slots;

  // The number of open real sessions.
  std::uint32_t openSessions() const { return open_.load(); }

  // --- calls ---

  // The real module, loaded on demand from CRYPTOKI_FAULT_MODULE; null when there is none.
  Real* real();
  Real& loaded() { return *real_.load(); }

  // Runs a call from begin to end, with its faults.
  CK_RV run(Call& call);

  // --- for the functions that the fault module serves itself (own.h) ---

  enum class Closing : unsigned char { AtOnce, OneByOne };  // AtOnce: C_CloseAllSessions, which logs out
  enum class State : unsigned char { Out, In, Ending };     // of C_Initialize and C_Finalize
  State state() const { return state_.load(); }
  CK_RV initialize(void* arguments);
  CK_RV finalize(void* reserved);
  std::shared_ptr<Session> opened(CK_SLOT_ID slot, CK_SESSION_HANDLE real);
  CK_RV close(Session& session);
  CK_RV closeAll(CK_SLOT_ID slot, Closing closing = Closing::AtOnce);
  void lose(Session& session, CK_RV inFlight);
  bool isDeviceLost() const { return deviceLost_.load(); }
  Gauge waiting;  // calls of C_WaitForSlotEvent

  // --- for oddities ---

  OddState odd;
  // Matches the plan for a call that does not go through run(), and counts it; returns its oddities.
  OddityBits odditiesOf(Function function);
  // Keeps the token logged in, through a real session of the fault module, while the program has no session.
  void holdLogin(CK_SLOT_ID slot);

 private:
  CK_RV runFinalize(Call& call);
  CK_RV runOnSession(Call& call);
  CK_RV spoil(Call& call, Session* session);
  CK_RV perform(Call& call, Session* session);
  CK_RV performOddly(const Faults& faults, Call& call, Session* session);
  std::optional<CK_RV> unavailable(const Call& call);
  void releaseLogin(CK_SLOT_ID slot);
  void applyBefore(const Faults& faults, const Call& call, Session* session);
  std::optional<CK_RV> begin(Session& session, Function function);
  std::optional<CK_RV> end(Session& session);
  void closeReal(const Session& session);
  void pause(Milliseconds duration);
  void hang();
  std::optional<CK_SLOT_ID> slotOf(const Call& call, const Session* session) const;
  void report() const;

  std::atomic<Real*> real_{nullptr};
  std::atomic<Plan*> plan_{nullptr};
  std::atomic<State> state_{State::Out};
  std::atomic<bool> deviceLost_{false};
  std::atomic<std::uint32_t> open_{0};

  mutable std::mutex mutex_;  // guards the members below
  std::unique_ptr<Real> keptReal_;
  std::vector<std::unique_ptr<Plan>> keptPlans_;  // a call in flight may still use an old plan
  Environment environment_;

  std::mutex hangMutex_;
  std::condition_variable hangChanged_;
  std::uint64_t releases_ = 0;
};

}  // namespace cryptoki::fault
