#include "module/reinitialise.h"

#include <optional>

#include "module/attachment.h"
#include "module/initialize.h"

namespace cryptoki {

class Reinitialisation final : public Work, public std::enable_shared_from_this<Reinitialisation> {
 public:
  Reinitialisation(Module& module, Reinitialisations& all) : module_(module), all_(all) {}

  // Takes the claims of the attachments. Each claim posts an arrival when its last call has ended; the last
  // arrival posts the reinitialisation. Returns false when there is nothing to wait for.
  bool suspend(const std::vector<std::shared_ptr<Attachment>>& attachments) {
    std::vector<std::shared_ptr<Attachment::Use>> claims;
    for (const auto& attachment : attachments) {
      std::shared_ptr<Attachment::Use> use;
      if (!attachment->suspend(use)) continue;
      participants_.push_back(attachment);
      if (use)
        claims.push_back(std::move(use));
      else
        ++lost_;
    }
    if (claims.empty()) return false;
    missing_ = claims.size();
    const auto arrival = std::make_shared<Arrival>(shared_from_this());
    for (const auto& use : claims) use->then = arrival;
    return true;
  }

  void addWaiter(const std::shared_ptr<ReinitialiseJob>& job) { waiters_.push_back(job); }

  // All calls have ended, except those of attachments that join in settle().
  void run() noexcept override {
    if (!settle()) return;
    std::optional<Failure> failure;
    InitializeOptions options;
    {
      std::lock_guard lock(all_.mutex_);
      options = *all_.options_;
    }
    const auto [ended, finalised] = finalise();
    CK_RV rv = CKR_OK;
    for (std::size_t i = 0; i < participants_.size(); ++i) {
      // The claim that a failed C_Finalize left is still counted.
      const bool isCounted = ended != CKR_OK && i + 1 == participants_.size();
      if (rv == CKR_OK && !isCounted) rv = initializeModule(module_, options);
      participants_[i]->resume(rv);
    }
    if (rv != CKR_OK) {
      failure = Failure::returned(rv, "C_Initialize");
    } else if (ended != CKR_OK) {
      failure = Failure::returned(ended, "C_Finalize");
    } else if (!finalised) {
      failure = Failure::ours("ERR_CRYPTOKI_MODULE_SHARED",
                              "other software in this process has initialised the module, so it cannot be "
                              "initialised again; close that software, or restart the process",
                              "C_Finalize");
    }
    std::vector<std::shared_ptr<ReinitialiseJob>> waiters;
    {
      std::lock_guard lock(all_.mutex_);
      all_.current_.reset();
      if (rv == CKR_OK && ended == CKR_OK) ++all_.count_;
      waiters.swap(waiters_);
    }
    all_.changed_.notify_all();
    for (const auto& waiter : waiters) waiter->end(failure);
  }

 private:
  class Arrival final : public Work {
   public:
    explicit Arrival(std::shared_ptr<Reinitialisation> whole) : whole_(std::move(whole)) {}
    void run() noexcept override {
      if (--whole_->missing_ == 0) Pool::get().post(whole_);
    }

   private:
    std::shared_ptr<Reinitialisation> whole_;
  };

  // Waits for attachments that are about to take or drop their initialisation, and includes those that have
  // taken it. Returns false when calls of those must end first.
  bool settle() {
    for (;;) {
      std::unique_lock lock(all_.mutex_);
      all_.changed_.wait(lock, [this] { return all_.changes_ == 0; });
      const auto attachments = all_.living();
      lock.unlock();
      if (suspend(attachments)) return false;
      lock.lock();
      if (all_.changes_ == 0) return true;
    }
  }

  struct Finalised {
    CK_RV rv = CKR_OK;      // of C_Finalize; if it failed, the last claim is still counted
    bool isCalled = false;  // false when other uses remain, or other software has initialised the module
  };

  // Drops the initialisation of each participant. If that does not finalise the module, closes its sessions
  // one by one.
  Finalised finalise() {
    const auto sessions = module_.forgetSessions();
    Finalised result{CKR_OK, lost_ == participants_.size()};  // C_Finalize was called the last time
    const std::uint64_t before = module_.finalisations();
    for (std::size_t i = lost_; i < participants_.size() && result.rv == CKR_OK; ++i)
      result.rv = finaliseModulePatiently(module_);
    if (module_.finalisations() != before) result.isCalled = true;
    if (!result.isCalled) {
      for (const auto& session : sessions)
        module_.call<&CK_FUNCTION_LIST_3_2::C_CloseSession>(session->handle());
    }
    return result;
  }

  Module& module_;
  Reinitialisations& all_;
  std::vector<std::shared_ptr<Attachment>> participants_;
  std::size_t lost_ = 0;  // participants that hold no initialisation
  std::vector<std::shared_ptr<ReinitialiseJob>> waiters_;
  std::atomic<std::size_t> missing_{0};
};

Reinitialisations::Reinitialisations() : options_(std::make_unique<InitializeOptions>()) {}
Reinitialisations::~Reinitialisations() = default;

void Reinitialisations::add(const std::shared_ptr<Attachment>& attachment, const InitializeOptions& options) {
  std::lock_guard lock(mutex_);
  std::erase_if(attachments_, [&](const auto& weak) { return weak.expired() || weak.lock() == attachment; });
  attachments_.push_back(attachment);
  *options_ = options;
}

void Reinitialisations::join(Module& module, const std::shared_ptr<ReinitialiseJob>& job,
                             std::optional<std::uint64_t> since) {
  std::shared_ptr<Reinitialisation> begun;
  std::vector<std::shared_ptr<Attachment>> attachments;
  {
    std::lock_guard lock(mutex_);
    if (current_) return current_->addWaiter(job);
    if (!since || *since == count_) {
      begun = current_ = std::make_shared<Reinitialisation>(module, *this);
      current_->addWaiter(job);
      attachments = living();
    }
  }
  // Outside of the lock: the end of a job here may run other work.
  if (!begun) return job->end(std::nullopt);
  if (!begun->suspend(attachments)) Pool::get().post(begun);
}

void Reinitialisations::beginChange() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !current_; });
  ++changes_;
}

void Reinitialisations::announceChange() {
  std::lock_guard lock(mutex_);
  ++changes_;
}

void Reinitialisations::endChange() {
  {
    std::lock_guard lock(mutex_);
    --changes_;
  }
  changed_.notify_all();
}

std::vector<std::shared_ptr<Attachment>> Reinitialisations::living() const {
  std::vector<std::shared_ptr<Attachment>> attachments;
  for (const auto& weak : attachments_) {
    if (auto attachment = weak.lock()) attachments.push_back(std::move(attachment));
  }
  return attachments;
}

}  // namespace cryptoki
