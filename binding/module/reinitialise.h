// C_Finalize and C_Initialize for all attachments of a module at once: what heals a module that lost its
// device or its server. One at a time; who asks meanwhile gets the same outcome.
#pragma once

#include <condition_variable>
#include <cstddef>
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

// The promise of one who asked. It is ended by the reinitialisation.
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

  // Notes an initialised attachment; C_Initialize is repeated with the options of the latest.
  void add(const std::shared_ptr<Attachment>& attachment, const InitializeOptions& options);

  // Begins one, or joins the one under way.
  void join(Module& module, const std::shared_ptr<ReinitialiseJob>& job);

  // An attachment is about to take or to drop its initialisation: no reinitialisation goes on until
  // `endChange`. The first waits for the end of one under way.
  void beginChange();
  void announceChange();
  void endChange();

 private:
  friend class Reinitialisation;
  std::vector<std::shared_ptr<Attachment>> living() const;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t changes_ = 0;
  std::vector<std::weak_ptr<Attachment>> attachments_;
  std::unique_ptr<InitializeOptions> options_;
  std::shared_ptr<Reinitialisation> current_;
};

}  // namespace cryptoki
