// The use of a module by one environment: its C_Initialize, its sessions, and its calls in flight.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "error.h"
#include "module/module.h"
#include "module/session_name.h"
#include "runtime/job.h"

namespace cryptoki {

struct InitializeOptions {
  Locking locking = Locking::None;               // the minimum that the caller requires
  std::optional<std::string> libraryParameters;  // pReserved: NSS, YubiHSM and others take a string there
  bool restoresSignalHandlers = false;           // handlers that the module replaces in C_Initialize
  bool skipsExitHandlers = false;                // at the end of the process
};

class Attachment : public std::enable_shared_from_this<Attachment> {
 public:
  explicit Attachment(std::shared_ptr<Module> module) : module_(std::move(module)) {}

  Module& module() const { return *module_; }

  // A claim that keeps the module initialised until it is dropped. Throws CKR_CRYPTOKI_NOT_INITIALIZED.
  std::shared_ptr<void> use(const char* function);

  // Throws CKR_CRYPTOKI_NOT_INITIALIZED unless the module is initialised or a reinitialisation can restore
  // it.
  void checkInitialised(const char* function);

  // Throws CKR_CRYPTOKI_NOT_INITIALIZED unless the module is initialised now.
  void checkReady(const char* function);

  // The open session with this name. Throws CKR_SESSION_HANDLE_INVALID without a call into the module.
  std::shared_ptr<Session> session(SessionName name, const char* function);

  // Throws when this process cannot call the module at all, because it is a fork.
  static void checkProcess(const char* function);

  // C_Initialize as a job.
  std::shared_ptr<Job> initialise(InitializeOptions options);

  // C_Finalize as a job. It is posted when the calls in flight have ended, the sessions of this attachment
  // are closed, and the caller has dropped `claim`. It finalises the module if nothing else in the process
  // uses it.
  struct Finalisation {
    std::shared_ptr<Job> job;
    std::shared_ptr<void> claim;
  };
  Finalisation finalise();

  // See reinitialise.h. `job` must have its promise already; the reinitialisation ends it.
  void reinitialise(const std::shared_ptr<ReinitialiseJob>& job, std::optional<std::uint64_t> since);

  // Starts finalise() without a receiver, because the environment has ended.
  void abandon() noexcept;

  // Call it when the RawModule is destroyed: abandons the attachment, now or when the last Keep is destroyed.
  void orphan() noexcept;

  // Keeps the module initialised for an object that outlives the RawModule: a key of OpenSSL. C_Finalize
  // still finalises it. The last Keep may be destroyed on any thread.
  class Keep {
   public:
    explicit Keep(std::shared_ptr<Attachment> attachment);
    Keep(const Keep&) = delete;
    Keep& operator=(const Keep&) = delete;
    ~Keep();

   private:
    std::shared_ptr<Attachment> attachment_;
  };

  // C_OpenSession and its record, as one step, so that handle, serial and state belong together. `call` makes
  // the call and sets the handle. The session is closed together with this attachment.
  CK_RV open(CK_SLOT_ID slot, bool readWrite, std::shared_ptr<Session>& session,
             const std::function<CK_RV(CK_SESSION_HANDLE&)>& call);
  CK_RV open(CK_SLOT_ID slot, CK_FLAGS flags, std::shared_ptr<Session>& session);
  // C_CloseSession and its record. The caller must hold the session.
  CK_RV close(const std::shared_ptr<Session>& session);
  void forget(const std::shared_ptr<Session>& session);

 private:
  friend class InitializeJob;
  friend class FinalizeJob;
  friend class Reinitialisation;

  // Lost: a reinitialisation has failed; the next one may succeed.
  enum class State : unsigned char { Loaded, Initialising, Ready, Reinitialising, Lost, Finalising };

  // Held by every call in flight. When the last one has ended, `then` is posted.
  struct Use {
    Use() = default;
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use();
    std::shared_ptr<Work> then;
  };
  // Returns false when the attachment is no longer ready, so the session must be closed.
  bool keep(const std::shared_ptr<Session>& session);
  CK_RV release();
  Finalisation beginFinalise();
  // Called by Reinitialisation on each attachment. suspend() returns true if the attachment takes part, and
  // gives up its claim (null after a failed reinitialisation). resume() receives the result of C_Initialize.
  bool suspend(std::shared_ptr<Use>& use);
  void resume(CK_RV rv);

  std::shared_ptr<Module> module_;
  std::mutex mutex_;
  State state_ = State::Loaded;
  bool abandoned_ = false;
  bool orphaned_ = false;
  std::size_t keeps_ = 0;
  bool counted_ = false;  // counts as one of the process's initialisations
  std::shared_ptr<Use> use_;
  std::set<std::shared_ptr<Session>> sessions_;
  std::shared_ptr<Use> finaliseLater_;  // requested during a reinitialisation
};

}  // namespace cryptoki
