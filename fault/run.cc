// Runs a call from begin to end.
#include <algorithm>
#include <thread>

#include "fault/instance.h"
#include "fault/oddities.h"

namespace cryptoki::fault {
namespace {

// Notes the data of a call that oddities of later calls need.
void remember(Call& call, Session& session) {
  if (call.function() == Function::C_FindObjectsInit) session.odd.repeated.reset();
  if (call.function() != Function::C_SignInit) return;
  const CK_MECHANISM* mechanism = std::get<1>(call.arguments<Function::C_SignInit>());
  session.odd.signing = mechanism == nullptr ? 0 : mechanism->mechanism;
}

bool closes(Function function) {
  return function == Function::C_CloseSession || function == Function::C_CloseAllSessions;
}

std::optional<CK_RV> lostIn(Session* session) {
  if (session == nullptr) return std::nullopt;
  const std::lock_guard lock(session->mutex);
  return session->lost;
}

}  // namespace

CK_RV Instance::run(Call& call) {
  counters.called(call.function());
  if (call.function() == Function::C_Finalize) return runFinalize(call);
  // C_WaitForSlotEvent may last for ever, and C_Finalize ends it, so it does not count as in flight.
  if (call.function() == Function::C_WaitForSlotEvent) return spoil(call, nullptr);

  // Count before the check: either this call detects that C_Finalize runs, or C_Finalize detects this call.
  const Counted inFlight(counters.inFlight);
  if (state() == State::Ending) {
    counters.violated({Breach::CallDuringFinalize, call.function(), Function::C_Finalize, 0});
    return CKR_CRYPTOKI_NOT_INITIALIZED;
  }
  return call.shape().target == Target::Session ? runOnSession(call) : spoil(call, nullptr);
}

CK_RV Instance::runFinalize(Call& call) {
  State expected = State::In;
  if (!state_.compare_exchange_strong(expected, State::Ending)) {
    if (expected == State::Out) return call.make(0);
    counters.violated({Breach::CallDuringFinalize, call.function(), Function::C_Finalize, 0});
    return CKR_CRYPTOKI_NOT_INITIALIZED;
  }
  CK_RV rv = CKR_FUNCTION_FAILED;
  if (counters.inFlight.now() > 0) {
    Violation violation{Breach::FinalizeDuringCall, call.function(), std::nullopt, 0};
    for (const auto& session : sessions.all()) {
      const std::lock_guard lock(session->mutex);
      if (!session->running) continue;
      violation.during = session->running;
      violation.session = session->ordinal;
    }
    counters.violated(violation);
  } else {
    rv = spoil(call, nullptr);
  }
  expected = State::Ending;  // finalize() has changed it if it was called and succeeded
  state_.compare_exchange_strong(expected, State::In);
  return rv;
}

CK_RV Instance::runOnSession(Call& call) {
  const auto session = sessions.find(call.subject());
  if (session == nullptr) {
    const std::uint64_t ordinal = sessions.ordinalOf(call.subject());
    if (ordinal != 0) counters.violated({Breach::ClosedSession, call.function(), std::nullopt, ordinal});
    return state() == State::In ? CKR_SESSION_HANDLE_INVALID : CKR_CRYPTOKI_NOT_INITIALIZED;
  }
  if (const auto refusal = begin(*session, call.function())) return *refusal;
  CK_RV rv = CKR_GENERAL_ERROR;
  try {
    rv = spoil(call, session.get());
  } catch (...) {
    end(*session);
    throw;
  }
  if (rv == CKR_OK) remember(call, *session);
  const auto lost = end(*session);
  const bool wasClosed = call.function() == Function::C_CloseSession && rv == CKR_OK;
  // If a rule lost the session before the call was made, the call already has its result.
  return lost && rv == CKR_OK && !wasClosed ? *lost : rv;
}

std::optional<CK_RV> Instance::begin(Session& session, Function function) {
  const std::lock_guard lock(session.mutex);
  if (session.running) {
    const bool isClose = closes(function) || closes(*session.running);
    counters.violated({isClose ? Breach::CloseDuringCall : Breach::OverlappingCalls, function,
                       session.running, session.ordinal});
    return isClose ? CKR_FUNCTION_FAILED : CKR_OPERATION_ACTIVE;
  }
  if (isDeviceLost()) return CKR_DEVICE_ERROR;
  if (session.lost) {
    if (function == Function::C_CloseSession) sessions.remove(session);
    return CKR_SESSION_HANDLE_INVALID;
  }
  session.running = function;
  return std::nullopt;
}

std::optional<CK_RV> Instance::end(Session& session) {
  std::optional<CK_RV> lost;
  bool mustClose = false;
  {
    const std::lock_guard lock(session.mutex);
    session.running.reset();
    lost = session.lost;
    mustClose = lost && session.isReal;
    if (mustClose) session.isReal = false;
  }
  if (mustClose) closeReal(session);
  return lost;
}

CK_RV Instance::spoil(Call& call, Session* session) {
  Plan* plan = plan_.load();
  if (plan == nullptr || !plan->concerns(call.function())) return perform(call, session);
  const Faults faults =
      plan->match({call.function(), session == nullptr ? 0 : session->ordinal,
                   session == nullptr ? 0 : session->handle, call.asksLength(), call.fetches()});
  applyBefore(faults, call, session);
  CK_RV rv = CKR_OK;
  if (faults.returns) {
    rv = *faults.returns;
  } else if (const auto lost = lostIn(session)) {
    rv = *lost;
  } else if (faults.grown) {
    rv = call.refuseAsGrown(*faults.grown);
  } else {
    rv = faults.oddities.none() ? perform(call, session) : performOddly(faults, call, session);
    if (faults.size) call.changeLength(*faults.size, rv);
    if (faults.flipBit) call.flipBit(*faults.flipBit, rv);
  }
  pause(faults.delayAfter);
  if (faults.callReturns && !faults.returns) rv = *faults.callReturns;
  return rv;
}

void Instance::applyBefore(const Faults& faults, const Call& call, Session* session) {
  pause(faults.delay);
  if (faults.hang) hang();
  const auto slot = slotOf(call, session);
  if (faults.logout) logout(slot);
  if (faults.loseSession && session != nullptr) lose(*session, CKR_SESSION_HANDLE_INVALID);
  if (faults.loseSessions) loseSessions(std::nullopt, CKR_SESSION_CLOSED);
  if (faults.removeToken) removeToken(slot, faults.removedFor);
  if (faults.loseDevice) loseDevice();
}

std::optional<CK_RV> Instance::unavailable(const Call& call) {
  const bool isExempt = call.function() == Function::C_Initialize || call.function() == Function::C_Finalize;
  if (isDeviceLost() && !isExempt) return CKR_DEVICE_ERROR;
  const bool servesRemoved =
      call.function() == Function::C_GetSlotInfo || call.function() == Function::C_CloseAllSessions;
  if (call.shape().target == Target::Slot && !servesRemoved && slots.isRemoved(call.subject()))
    return CKR_TOKEN_NOT_PRESENT;
  return std::nullopt;
}

CK_RV Instance::perform(Call& call, Session* session) {
  if (const auto rv = unavailable(call)) return *rv;
  return call.make(session == nullptr ? 0 : session->real);
}

CK_RV Instance::performOddly(const Faults& faults, Call& call, Session* session) {
  if (const auto rv = unavailable(call)) return *rv;
  OddCall odd(*this, call, session, faults.oddities, faults.oddityCode);
  return odd.proceed();
}

std::optional<CK_SLOT_ID> Instance::slotOf(const Call& call, const Session* session) const {
  if (session != nullptr) return session->slot;
  if (call.shape().target == Target::Slot) return call.subject();
  return std::nullopt;
}

void Instance::pause(Milliseconds duration) {
  if (duration.count() <= 0) return;
  const Counted delayed(counters.delayed);
  std::this_thread::sleep_for(duration);
}

void Instance::hang() {
  std::unique_lock lock(hangMutex_);
  const std::uint64_t before = releases_;
  // Counted when it waits: a program that has seen it releases it.
  const Counted hanging(counters.hanging);
  hangChanged_.wait(lock, [&] { return releases_ != before; });
}

}  // namespace cryptoki::fault
