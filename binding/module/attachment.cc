#include "module/attachment.h"

#include <utility>

#include "module/initialize.h"
#include "module/reinitialise.h"

namespace cryptoki {
namespace {

constexpr const char* kInitialize = "C_Initialize";
constexpr const char* kFinalize = "C_Finalize";

// C_CloseSession for a session whose attachment ends.
class CloseJob final : public Job {
 public:
  CloseJob(std::shared_ptr<Attachment> attachment, std::shared_ptr<Session> session)
      : attachment_(std::move(attachment)), session_(std::move(session)) {}

  void execute() override {
    if (!session_->isOpen()) return;
    Module& module = attachment_->module();
    if (module.close(*session_) != CKR_OK) module.lost(*session_);
  }
  Napi::Value value(Napi::Env env) override { return env.Undefined(); }

 private:
  std::shared_ptr<Attachment> attachment_;
  std::shared_ptr<Session> session_;
};

}  // namespace

class InitializeJob final : public Job {
 public:
  InitializeJob(std::shared_ptr<Attachment> attachment, InitializeOptions options)
      : attachment_(std::move(attachment)), options_(std::move(options)) {}

  void execute() override {
    Reinitialisations& reinitialisations = attachment_->module().reinitialisations();
    reinitialisations.beginChange();
    initialise();
    reinitialisations.endChange();
  }
  Napi::Value value(Napi::Env env) override { return env.Undefined(); }

 private:
  void initialise() {
    const CK_RV rv = initializeModule(attachment_->module(), options_);
    std::unique_lock lock(attachment_->mutex_);
    if (rv != CKR_OK) {
      attachment_->state_ = Attachment::State::Loaded;
      fail(Failure::returned(rv, kInitialize));
      return;
    }
    attachment_->counted_ = true;
    if (attachment_->abandoned_) {
      lock.unlock();
      attachment_->release();
    } else {
      attachment_->state_ = Attachment::State::Ready;
      attachment_->use_ = std::make_shared<Attachment::Use>();
      lock.unlock();
      attachment_->module().reinitialisations().add(attachment_, options_);
    }
  }

  std::shared_ptr<Attachment> attachment_;
  InitializeOptions options_;
};

class FinalizeJob final : public Job {
 public:
  explicit FinalizeJob(std::shared_ptr<Attachment> attachment) : attachment_(std::move(attachment)) {}

  void execute() override {
    const CK_RV rv = attachment_->release();
    attachment_->module().reinitialisations().endChange();
    if (rv != CKR_OK) fail(Failure::returned(rv, kFinalize));
  }
  Napi::Value value(Napi::Env env) override { return env.Undefined(); }

 private:
  std::shared_ptr<Attachment> attachment_;
};

Attachment::Use::~Use() {
  if (then) Pool::get().post(std::move(then));
}

void Attachment::checkProcess(const char* function) {
  if (!isForked()) return;
  throw Failure::ours("ERR_CRYPTOKI_FORKED",
                      "this process is a fork of the one that loaded the module; a fork cannot use it: start "
                      "a new process (child_process) or use worker_threads",
                      function);
}

std::shared_ptr<void> Attachment::use(const char* function) {
  checkProcess(function);
  std::lock_guard lock(mutex_);
  if (state_ != State::Ready) throw Failure::returned(CKR_CRYPTOKI_NOT_INITIALIZED, function);
  return use_;
}

void Attachment::checkInitialised(const char* function) {
  checkProcess(function);
  std::lock_guard lock(mutex_);
  if (state_ != State::Ready && state_ != State::Reinitialising && state_ != State::Lost)
    throw Failure::returned(CKR_CRYPTOKI_NOT_INITIALIZED, function);
}

void Attachment::checkReady(const char* function) {
  checkProcess(function);
  std::lock_guard lock(mutex_);
  if (state_ != State::Ready) throw Failure::returned(CKR_CRYPTOKI_NOT_INITIALIZED, function);
}

std::shared_ptr<Session> Attachment::session(SessionName name, const char* function) {
  auto session = module_->session(name);
  if (!session || !session->isOpen()) throw Failure::returned(CKR_SESSION_HANDLE_INVALID, function);
  return session;
}

std::shared_ptr<Job> Attachment::initialise(InitializeOptions options) {
  checkProcess(kInitialize);
  std::lock_guard lock(mutex_);
  if (state_ != State::Loaded) throw Failure::returned(CKR_CRYPTOKI_ALREADY_INITIALIZED, kInitialize);
  state_ = State::Initialising;
  return std::make_shared<InitializeJob>(shared_from_this(), std::move(options));
}

Attachment::Finalisation Attachment::finalise() {
  checkProcess(kFinalize);
  auto begun = beginFinalise();
  if (!begun.job) throw Failure::returned(CKR_CRYPTOKI_NOT_INITIALIZED, kFinalize);
  return begun;
}

// Each session is closed in its own queue, after the calls requested before. These and all other calls hold
// the use.
Attachment::Finalisation Attachment::beginFinalise() {
  std::set<std::shared_ptr<Session>> sessions;
  std::shared_ptr<Use> use;
  auto job = std::make_shared<FinalizeJob>(shared_from_this());
  Reinitialisations& reinitialisations = module_->reinitialisations();
  reinitialisations.announceChange();  // FinalizeJob ends it
  {
    std::unique_lock lock(mutex_);
    if (state_ == State::Reinitialising && !finaliseLater_) {
      use = std::make_shared<Use>();
      use->then = job;
      finaliseLater_ = use;
      lock.unlock();
      reinitialisations.endChange();
      return {std::move(job), std::move(use)};
    }
    if (state_ != State::Ready && state_ != State::Lost) {
      lock.unlock();
      reinitialisations.endChange();
      return {};
    }
    use = state_ == State::Ready ? std::move(use_) : std::make_shared<Use>();
    state_ = State::Finalising;
    sessions.swap(sessions_);
  }
  module_->slotEvents().cancel(this, CKR_CRYPTOKI_NOT_INITIALIZED);
  use->then = job;
  for (const auto& session : sessions) {
    auto close = std::make_shared<CloseJob>(shared_from_this(), session);
    close->hold(use);
    session->queue().submit(std::move(close));
  }
  return {std::move(job), std::move(use)};
}

void Attachment::reinitialise(const std::shared_ptr<ReinitialiseJob>& job,
                              std::optional<std::uint64_t> since) {
  module_->reinitialisations().join(*module_, job, since);
}

bool Attachment::suspend(std::shared_ptr<Use>& use) {
  {
    std::lock_guard lock(mutex_);
    if (state_ != State::Ready && state_ != State::Lost) return false;
    state_ = State::Reinitialising;
    use = std::move(use_);
    sessions_.clear();
  }
  module_->slotEvents().cancel(this, CKR_CRYPTOKI_NOT_INITIALIZED);
  return true;
}

void Attachment::resume(CK_RV rv) {
  std::shared_ptr<Use> later;  // posts the finalisation when it is destroyed
  module_->reinitialisations().announceChange();
  {
    std::lock_guard lock(mutex_);
    counted_ = rv == CKR_OK;
    state_ = counted_ ? State::Ready : State::Lost;
    if (counted_) use_ = std::make_shared<Use>();
    later = std::move(finaliseLater_);
    if (later) state_ = State::Finalising;
  }
  if (!later) module_->reinitialisations().endChange();
}

CK_RV Attachment::release() {
  bool isAbandoned = false;
  {
    std::lock_guard lock(mutex_);
    if (!counted_) {
      state_ = State::Loaded;
      return CKR_OK;
    }
    isAbandoned = abandoned_;
  }
  // If the owner has ended, nothing can request the finalisation again, so retry it here.
  const CK_RV rv = isAbandoned ? finaliseModulePatiently(*module_) : finaliseModule(*module_);
  if (rv != CKR_OK && isAbandoned) process().leave(module_->entry());
  std::lock_guard lock(mutex_);
  if (rv == CKR_OK || isAbandoned) {
    counted_ = false;
    state_ = State::Loaded;
  } else {
    state_ = State::Ready;  // as before, but without its sessions: C_Finalize can be tried again
    use_ = std::make_shared<Use>();
  }
  return rv;
}

void Attachment::abandon() noexcept {
  try {
    {
      std::lock_guard lock(mutex_);
      abandoned_ = true;
    }
    if (!isForked()) beginFinalise();
  } catch (const std::exception&) {
    // Out of memory: the module stays initialised until the process ends.
  }
}

void Attachment::orphan() noexcept {
  {
    std::lock_guard lock(mutex_);
    orphaned_ = true;
    if (keeps_ > 0) return;
  }
  abandon();
}

Attachment::Keep::Keep(std::shared_ptr<Attachment> attachment) : attachment_(std::move(attachment)) {
  std::lock_guard lock(attachment_->mutex_);
  ++attachment_->keeps_;
}

Attachment::Keep::~Keep() {
  {
    std::lock_guard lock(attachment_->mutex_);
    if (--attachment_->keeps_ > 0 || !attachment_->orphaned_) return;
  }
  attachment_->abandon();
}

bool Attachment::keep(const std::shared_ptr<Session>& session) {
  std::lock_guard lock(mutex_);
  if (state_ != State::Ready) return false;
  sessions_.insert(session);
  return true;
}

CK_RV Attachment::open(CK_SLOT_ID slot, bool readWrite, std::shared_ptr<Session>& session,
                       const std::function<CK_RV(CK_SESSION_HANDLE&)>& call) {
  const auto token = module_->token(slot);
  {
    const Gate::Pass pass(token->sessions, Gate::Mode::Shared);
    CK_SESSION_HANDLE handle = 0;
    const CK_RV rv = call(handle);
    if (rv != CKR_OK) return rv;
    if (!pass.isHeld()) token->doubt();
    session = module_->opened(handle, slot, readWrite, shared_from_this());
  }
  if (keep(session)) return CKR_OK;
  module_->close(*session);
  session.reset();
  return CKR_CRYPTOKI_NOT_INITIALIZED;
}

CK_RV Attachment::open(CK_SLOT_ID slot, CK_FLAGS flags, std::shared_ptr<Session>& session) {
  return open(slot, (flags & CKF_RW_SESSION) != 0, session, [&](CK_SESSION_HANDLE& handle) {
    return module_->call<&CK_FUNCTION_LIST_3_2::C_OpenSession>(slot, flags, static_cast<void*>(nullptr),
                                                               CK_NOTIFY{nullptr}, &handle);
  });
}

CK_RV Attachment::close(const std::shared_ptr<Session>& session) {
  const CK_RV rv = module_->close(*session);
  if (!session->isOpen()) forget(session);
  return rv;
}

void Attachment::forget(const std::shared_ptr<Session>& session) {
  std::lock_guard lock(mutex_);
  sessions_.erase(session);
}

}  // namespace cryptoki
