#include "fault/instance.h"

#include <cstdlib>
#include <set>
#include <stdexcept>
#include <thread>

#include "error.h"
#include "fault/environment.h"

namespace cryptoki::fault {
namespace {

// A real session that the program does not see.
std::optional<CK_SESSION_HANDLE> openSeparateSession(Real& real, CK_SLOT_ID slot) {
  CK_SESSION_HANDLE session = 0;
  constexpr CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;  // the SO allows no read-only session
  CK_RV rv = real.call<Function::C_OpenSession>(slot, flags, nullptr, nullptr, &session);
  if (rv == CKR_TOKEN_WRITE_PROTECTED)
    rv = real.call<Function::C_OpenSession>(slot, CKF_SERIAL_SESSION, nullptr, nullptr, &session);
  return rv == CKR_OK ? std::optional(session) : std::nullopt;
}

}  // namespace

Instance& Instance::get() {
  // Never destroyed: threads of the program may outlive static objects.
  static Instance& instance = *std::make_unique<Instance>().release();
  return instance;
}

Real* Instance::real() {
  if (Real* loaded = real_.load()) return loaded;
  const char* path = std::getenv("CRYPTOKI_FAULT_MODULE");
  const char* plan = std::getenv("CRYPTOKI_FAULT_PLAN");
  try {
    if (path == nullptr)
      throw std::invalid_argument("CRYPTOKI_FAULT_MODULE must name the PKCS#11 module to wrap");
    if (plan != nullptr) setPlan(plan);
    useModule(path);  // last: a wrong plan must fail the load
  } catch (const Failure& failure) {
    complain(failure.detail.c_str());
  } catch (const std::exception& problem) {
    complain(problem.what());
  }
  return real_.load();
}

void Instance::useModule(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (keptReal_ != nullptr) {
    if (keptReal_->path() != path)
      throw std::logic_error("the fault module already wraps another module: " + keptReal_->path());
    return;
  }
  keptReal_ = std::make_unique<Real>(path);
  real_ = keptReal_.get();
}

void Instance::useEnvironment(Environment environment) {
  const std::lock_guard lock(mutex_);
  environment_ = std::move(environment);
}

void Instance::setPlan(std::string_view text) {
  auto plan = std::make_unique<Plan>(text);
  const std::lock_guard lock(mutex_);
  keptPlans_.push_back(std::move(plan));
  plan_ = keptPlans_.back().get();
}

std::vector<RuleCount> Instance::ruleCounts() const {
  const Plan* plan = plan_.load();
  return plan == nullptr ? std::vector<RuleCount>{} : plan->counts();
}

bool Instance::plans(Oddity oddity) const {
  const Plan* plan = plan_.load();
  return plan != nullptr && plan->asksFor(oddity);
}

OddityBits Instance::odditiesOf(Function function) {
  Plan* plan = plan_.load();
  if (plan == nullptr || !plan->concerns(function)) return {};
  return plan->match({function, 0, 0, false, false}).oddities;
}

std::uint32_t Instance::release() {
  const std::lock_guard lock(hangMutex_);
  ++releases_;
  hangChanged_.notify_all();
  return counters.hanging.now();
}

void Instance::removeToken(std::optional<CK_SLOT_ID> slot, Milliseconds duration) {
  std::vector<CK_SLOT_ID> gone;
  if (slot) {
    gone.push_back(*slot);
  } else {
    CK_ULONG count = 0;
    Real* module = real();
    CK_RV rv = module == nullptr ? CKR_GENERAL_ERROR
                                 : module->call<Function::C_GetSlotList>(
                                       CK_BBOOL{1}, static_cast<CK_SLOT_ID*>(nullptr), &count);
    if (rv == CKR_OK) {
      gone.resize(count);
      rv = module->call<Function::C_GetSlotList>(CK_BBOOL{1}, gone.data(), &count);
    }
    if (rv != CKR_OK) throw Failure::returned(rv, "C_GetSlotList");
    gone.resize(count);
  }
  for (const CK_SLOT_ID slotId : gone) {
    slots.remove(slotId, duration);  // first: from here on no session may be opened on it
    loseSessions(slotId, CKR_DEVICE_REMOVED);
  }
}

void Instance::insertToken(std::optional<CK_SLOT_ID> slot) {
  if (slot)
    slots.insert(*slot);
  else
    slots.insertAll();
}

void Instance::loseSessions(std::optional<CK_SLOT_ID> slot, CK_RV inFlight) {
  for (const auto& session : slot ? sessions.on(*slot) : sessions.all()) lose(*session, inFlight);
}

void Instance::loseDevice() {
  deviceLost_ = true;
  loseSessions(std::nullopt, CKR_DEVICE_ERROR);
  slots.wake();
}

void Instance::logout(std::optional<CK_SLOT_ID> slot) {
  std::set<CK_SLOT_ID> on;
  if (slot)
    on.insert(*slot);
  else
    for (const auto& session : sessions.all()) on.insert(session->slot);
  Real* module = real();
  if (module == nullptr) return;
  for (const CK_SLOT_ID slotId : on) {
    // On a separate session: those of the program may be in use.
    const auto session = openSeparateSession(*module, slotId);
    if (!session) continue;
    module->call<Function::C_Logout>(*session);
    module->call<Function::C_CloseSession>(*session);
  }
}

CK_RV Instance::initialize(void* arguments) {
  Environment environment;
  {
    const std::lock_guard lock(mutex_);
    environment = environment_;
  }
  const CK_RV rv =
      withEnvironment(environment, [&] { return loaded().call<Function::C_Initialize>(arguments); });
  if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED) return rv;
  if (rv == CKR_OK) {
    loaded().learn();
    slots.forgetEvents();
  }
  State expected = State::Out;
  state_.compare_exchange_strong(expected, State::In);
  return rv;
}

CK_RV Instance::finalize(void* reserved) {
  slots.wake();
  while (waiting.now() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  odd.waitForAnswers();
  const CK_RV rv = loaded().call<Function::C_Finalize>(reserved);
  if (rv != CKR_OK) return rv;
  sessions.clear();
  odd.forget();
  open_ = 0;
  deviceLost_ = false;
  state_ = State::Out;
  report();
  return rv;
}

std::shared_ptr<Session> Instance::opened(CK_SLOT_ID slot, CK_SESSION_HANDLE real) {
  open_.fetch_add(1);
  releaseLogin(slot);
  return sessions.add(slot, real);
}

void Instance::holdLogin(CK_SLOT_ID slot) {
  const auto session = openSeparateSession(loaded(), slot);
  if (!session) return;
  const auto former = odd.keep(slot, *session);
  if (former) loaded().call<Function::C_CloseSession>(*former);
}

void Instance::releaseLogin(CK_SLOT_ID slot) {
  if (const auto kept = odd.take(slot)) loaded().call<Function::C_CloseSession>(*kept);
}

void Instance::closeReal(const Session& session) {
  loaded().call<Function::C_CloseSession>(session.real);
  open_.fetch_sub(1);
}

void Instance::lose(Session& session, CK_RV inFlight) {
  {
    const std::lock_guard lock(session.mutex);
    if (session.lost) return;
    session.lost = inFlight;
    if (session.running || !session.isReal) return;  // the call in flight closes it when it ends
    session.isReal = false;
  }
  closeReal(session);
}

CK_RV Instance::close(Session& session) {
  const CK_RV rv = loaded().call<Function::C_CloseSession>(session.real);
  if (rv != CKR_OK) return rv;
  {
    const std::lock_guard lock(session.mutex);
    session.isReal = false;
  }
  open_.fetch_sub(1);
  sessions.remove(session);
  return rv;
}

CK_RV Instance::closeAll(CK_SLOT_ID slot, Closing closing) {
  std::vector<std::shared_ptr<Session>> held;
  CK_RV rv = CKR_OK;
  for (const auto& session : sessions.on(slot)) {
    const auto refusal = begin(*session, Function::C_CloseAllSessions);
    if (!refusal) {
      held.push_back(session);
    } else if (*refusal == CKR_SESSION_HANDLE_INVALID) {
      sessions.remove(*session);  // was lost before; remove it now
    } else {
      rv = *refusal;
    }
  }
  if (rv == CKR_OK && slots.isRemoved(slot)) rv = CKR_TOKEN_NOT_PRESENT;
  if (rv == CKR_OK && closing == Closing::AtOnce) rv = loaded().call<Function::C_CloseAllSessions>(slot);
  if (rv == CKR_OK && closing == Closing::OneByOne) {
    for (const auto& session : held) loaded().call<Function::C_CloseSession>(session->real);
  }
  for (const auto& session : held) {
    if (rv == CKR_OK) {
      const std::lock_guard lock(session->mutex);
      session->isReal = false;
      open_.fetch_sub(1);
    }
    end(*session);
    if (rv == CKR_OK) sessions.remove(*session);
  }
  return rv;
}

}  // namespace cryptoki::fault
