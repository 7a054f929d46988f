// C_Finalize and C_Initialize for all attachments of a module at once; this repairs a module that lost its
// device or its server. One runs at a time; a request during a run gets the same outcome.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "runtime/job.h"

namespace cryptoki {

class Attachment;
class Module;
class Reinitialisation;
struct InitializeOptions;

// The promise of one request. The reinitialisation ends it.
class ReinitialiseJob final : public Job {
 public:
  static constexpr const char* name = "reinitialise";
  void execute() override {}
  void end(const std::optional<Failure>& failure) {
    if (failure) fail(*failure);
    announce();
  }

 protected:
  Napi::Value value(Napi::Env env) override { return env.Undefined(); }
};

class Reinitialisations {
 public:
  Reinitialisations();
  Reinitialisations(const Reinitialisations&) = delete;
  Reinitialisations& operator=(const Reinitialisations&) = delete;
  ~Reinitialisations();

  // Registers an initialised attachment. C_Initialize is repeated with the options of the latest one.
  void add(const std::shared_ptr<Attachment>& attachment, const InitializeOptions& options);

  // The number of successful reinitialisations.
  std::uint64_t count() const { return count_; }

  // Starts a reinitialisation or joins the current one. Does nothing if one has succeeded since `count` was
  // `since`.
  void join(Module& module, const std::shared_ptr<ReinitialiseJob>& job, std::optional<std::uint64_t> since);

  // Announces that an attachment will take or drop its initialisation: no reinitialisation proceeds until
  // endChange(). beginChange() waits for the end of the current reinitialisation, announceChange() does not.
  void beginChange();
  void announceChange();
  void endChange();

 private:
  friend class Reinitialisation;
  std::vector<std::shared_ptr<Attachment>> living() const;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t changes_ = 0;
  std::atomic<std::uint64_t> count_{0};
  std::vector<std::weak_ptr<Attachment>> attachments_;
  std::unique_ptr<InitializeOptions> options_;
  std::shared_ptr<Reinitialisation> current_;
};

}  // namespace cryptoki
