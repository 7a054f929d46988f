#include "native_keys/key_reference.h"

#include <utility>

#include "environment.h"
#include "native_keys/exit_gate.h"
#include "native_keys/reference_table.h"
#include "runtime/channel.h"

namespace cryptoki {
namespace {

using Clock = TokenSessions::Clock;

// The time that an operation waits for a session, and for JavaScript to find a lost key again.
constexpr auto kLongestWait = std::chrono::seconds(5);
constexpr auto kCheckInterval = std::chrono::milliseconds(50);
constexpr int kMostQuestions = 2;

// The pause before an operation is repeated after a "busy" result.
constexpr auto kBusyPause = std::chrono::milliseconds(50);

Failure closed(const char* function) {
  return Failure::ours("ERR_CRYPTOKI_CLIENT_CLOSED", "the client or module that the key belongs to is closed",
                       function);
}

bool isLostSession(const Failure& failure) {
  return failure.rv == CKR_SESSION_HANDLE_INVALID || failure.rv == CKR_SESSION_CLOSED;
}

// The reaction of JavaScript to a failure.
enum class Remedy : unsigned char {
  None,
  Look,   // JavaScript may check the token, but the operation fails at once
  Heal,   // the operation waits for JavaScript to repair the connection
  Renew,  // the handle is useless until JavaScript reports where the key is
};

Remedy remedyFor(const Failure& failure) {
  if (!failure.code.empty()) return Remedy::None;
  switch (failure.rv) {
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_SESSION_CLOSED:
    case CKR_USER_NOT_LOGGED_IN:
    case CKR_OBJECT_HANDLE_INVALID:
    case CKR_KEY_HANDLE_INVALID:
    case CKR_DEVICE_REMOVED:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_SLOT_ID_INVALID:
    case CKR_CRYPTOKI_NOT_INITIALIZED:
      return Remedy::Renew;
    case CKR_DEVICE_ERROR:
      return Remedy::Heal;
    case CKR_GENERAL_ERROR:
    case CKR_FUNCTION_FAILED:
      return Remedy::Look;
    default:
      return Remedy::None;
  }
}

// Passes a failure to the JavaScript function of the reference, which then looks for the key.
class KeyFailure final : public Job {
 public:
  KeyFailure(std::uint64_t watch, Failure failure) : watch_(watch), failure_(std::move(failure)) {}
  void execute() override {}

 protected:
  Napi::Value value(Napi::Env env) override {
    auto& environment = Environment::of(env);
    environment.callWatch(watch_, environment.error(failure_));
    return env.Undefined();
  }

 private:
  std::uint64_t watch_;
  Failure failure_;
};

// Calls the same function without an error when the reference is destroyed, and removes it.
class KeyRemoval final : public Job {
 public:
  explicit KeyRemoval(std::uint64_t watch) : watch_(watch) {}
  void execute() override {}

 protected:
  Napi::Value value(Napi::Env env) override {
    auto& environment = Environment::of(env);
    environment.callWatch(watch_, env.Undefined());
    environment.removeWatch(watch_);
    return env.Undefined();
  }

 private:
  std::uint64_t watch_;
};

}  // namespace

std::shared_ptr<KeyReference> KeyReference::create(Parts parts) {
  auto reference = std::make_shared<KeyReference>(reference_table::newName(), std::move(parts));
  reference_table::add(reference);
  return reference;
}

KeyReference::KeyReference(std::string id, Parts parts)
    : id_(std::move(id)),
      parts_(std::move(parts)),
      keep_(parts_.attachment),
      farewell_(parts_.channel ? std::make_shared<KeyRemoval>(parts_.watch) : nullptr) {
  settle(parts_.object);
}

KeyReference::~KeyReference() {
  reference_table::erase(id_);
  if (farewell_) parts_.channel->complete(std::move(farewell_));
}

// The caller holds the mutex, or is the constructor.
void KeyReference::settle(const KeyObjectHandle& object) {
  if (!sessions_ || object.slot != object_.slot || object.readWrite != object_.readWrite) {
    token_ = parts_.attachment->module().token(object.slot);
    sessions_ = sessionsFor(parts_.attachment, object.slot, object.readWrite);
  }
  object_ = object;
  epoch_ = token_->epoch();
  losses_ = sessions_->losses();
}

bool KeyReference::isOver() const {
  try {
    parts_.attachment->checkInitialised(nullptr);
    return false;
  } catch (const Failure&) {
    return true;
  }
}

std::shared_ptr<TokenSessions> KeyReference::sessions() {
  std::lock_guard lock(mutex_);
  return sessions_;
}

void KeyReference::found(const KeyObjectHandle& object) {
  std::lock_guard lock(mutex_);
  settle(object);
  isProved_ = false;
  ++revision_;
  ++answers_;
  stale_.reset();
  isAsked_ = false;
  answered_.notify_all();
}

bool KeyReference::isProved() {
  std::lock_guard lock(mutex_);
  return isProved_;
}

void KeyReference::stale() {
  std::lock_guard lock(mutex_);
  if (!stale_) stale_ = Failure::returned(CKR_OBJECT_HANDLE_INVALID, nullptr);
}

void KeyReference::gaveUp() {
  std::lock_guard lock(mutex_);
  ++answers_;
  isAsked_ = false;
  answered_.notify_all();
}

void KeyReference::release() {
  {
    std::lock_guard lock(mutex_);
    isReleased_ = true;
    ++answers_;
    answered_.notify_all();
  }
  reference_table::erase(id_);
}

KeyReference::Seen KeyReference::look(const char* function) {
  std::lock_guard lock(mutex_);
  if (isReleased_) throw closed(function);
  Seen seen{object_.handle, revision_, sessions_, object_.home, sessions_->losses() != losses_, stale_};
  // A logout destroys the handles of private objects.
  if (!seen.stale && object_.isPrivate && epoch_ != token_->epoch())
    seen.stale.emplace(Failure::returned(CKR_USER_NOT_LOGGED_IN, function));
  return seen;
}

void KeyReference::attempt(const Seen& seen, const char* function, const Operation& operation,
                           Clock::time_point deadline) {
  const OperationInFlight inFlight(function);
  const auto use = parts_.attachment->use(function);
  const TokenSessions::Turn turn(*seen.sessions, seen.home, deadline);
  operation(*parts_.attachment, turn.session(), seen.handle, look(function).isDoubtful);
}

void KeyReference::run(const char* function, IsBusy isBusy, const Operation& operation) {
  const auto deadline = Clock::now() + kLongestWait;
  bool isReopened = false;
  bool isRepeated = false;
  for (int questions = 0;;) {
    const Seen seen = look(function);
    Failure failure;
    if (seen.stale) {
      failure = *seen.stale;
    } else {
      try {
        attempt(seen, function, operation, deadline);
        return;
      } catch (const Failure& thrown) {
        failure = thrown;
      }
      // A session may be lost alone; try another one.
      if (isLostSession(failure) && !std::exchange(isReopened, true)) continue;
      if (failure.code.empty() && isBusy(failure.rv) && !std::exchange(isRepeated, true)) {
        std::this_thread::sleep_for(kBusyPause);
        isReopened = false;  // the failed operation may have closed the session; allow another one
        continue;
      }
    }
    if (remedyFor(failure) == Remedy::None || ++questions > kMostQuestions) throw Failure(failure);
    if (!ask(seen, failure, deadline)) throw Failure(failure);
  }
}

// Passes the failure to JavaScript and waits for its response. Returns true when there is a new object
// handle.
bool KeyReference::ask(const Seen& seen, const Failure& failure, Clock::time_point deadline) {
  parts_.attachment->checkProcess(failure.function);
  if (isOver()) throw closed(failure.function);
  if (!parts_.channel || parts_.channel->isClosed()) return false;
  const Remedy remedy = remedyFor(failure);
  std::unique_lock lock(mutex_);
  if (revision_ != seen.revision) return true;  // another thread has asked before
  if (remedy == Remedy::Renew) stale_ = failure;
  const auto before = answers_;
  if (!std::exchange(isAsked_, true)) {
    lock.unlock();
    parts_.channel->complete(std::make_shared<KeyFailure>(parts_.watch, failure));
    lock.lock();
  }
  // JavaScript cannot respond while its thread waits here. And the failed decryption of invalid data must not
  // take longer.
  if (remedy == Remedy::Look || std::this_thread::get_id() == owner_) return false;
  while (answers_ == before && !isReleased_ && Clock::now() < deadline) {
    answered_.wait_for(lock, kCheckInterval);
    lock.unlock();
    if (isOver() || parts_.channel->isClosed()) throw closed(failure.function);  // JavaScript cannot respond
    lock.lock();
  }
  return revision_ != seen.revision;
}

}  // namespace cryptoki
