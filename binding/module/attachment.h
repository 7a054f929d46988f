// One environment's hold on a module: its C_Initialize, its sessions, and the calls it has in flight.
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
  Locking locking = Locking::None;               // what the caller wants at least
  std::optional<std::string> libraryParameters;  // pReserved: NSS, YubiHSM and others take a string there
  bool restoresSignalHandlers = false;           // that the module exchanges in C_Initialize
  bool skipsExitHandlers = false;                // at the end of the process
};

class Attachment : public std::enable_shared_from_this<Attachment> {
 public:
  explicit Attachment(std::shared_ptr<Module> module) : module_(std::move(module)) {}

  Module& module() const { return *module_; }

  // A claim that keeps the module initialised until it is dropped. Throws CKR_CRYPTOKI_NOT_INITIALIZED.
  std::shared_ptr<void> use(const char* function);

  // Throws CKR_CRYPTOKI_NOT_INITIALIZED unless it is initialised or a reinitialisation may make it so.
  void checkInitialised(const char* function);

  // Throws CKR_CRYPTOKI_NOT_INITIALIZED unless it is initialised now.
  void checkReady(const char* function);

  // The open session with this name. Throws CKR_SESSION_HANDLE_INVALID, without a call.
  std::shared_ptr<Session> session(SessionName name, const char* function);

  // Throws when a call cannot be made from this process at all.
  static void checkProcess(const char* function);

  // C_Initialize as a job.
  std::shared_ptr<Job> initialise(InitializeOptions options);

  // C_Finalize as a job that is posted by itself: when the calls in flight have ended, the sessions of this
  // attachment are closed and the caller has dropped `claim`. It finalises the module if nobody else in the
  // process uses it.
  struct Finalisation {
    std::shared_ptr<Job> job;
    std::shared_ptr<void> claim;
  };
  Finalisation finalise();

  // See reinitialise.h. Ends `job`, which must have its promise already.
  void reinitialise(const std::shared_ptr<ReinitialiseJob>& job, std::optional<std::uint64_t> since);

  // Starts finalise() for nobody: the environment is gone.
  void abandon() noexcept;

  // The RawModule is gone: abandons the attachment, at once or when the last Keep goes.
  void orphan() noexcept;

  // Keeps the module initialised for something that outlives the RawModule: a key of OpenSSL's. C_Finalize
  // ends it all the same. The last one can go on any thread.
  class Keep {
   public:
    explicit Keep(std::shared_ptr<Attachment> attachment);
    Keep(const Keep&) = delete;
    Keep& operator=(const Keep&) = delete;
    ~Keep();

   private:
    std::shared_ptr<Attachment> attachment_;
  };

  // C_OpenSession and the note of it, as one step: handle, serial and state belong together. `call` makes the
  // call and sets the handle. The session is closed with this attachment.
  CK_RV open(CK_SLOT_ID slot, bool readWrite, std::shared_ptr<Session>& session,
             const std::function<CK_RV(CK_SESSION_HANDLE&)>& call);
  CK_RV open(CK_SLOT_ID slot, CK_FLAGS flags, std::shared_ptr<Session>& session);
  // C_CloseSession and the note of it. The caller has the turn of the session.
  CK_RV close(const std::shared_ptr<Session>& session);
  void forget(const std::shared_ptr<Session>& session);

 private:
  friend class InitializeJob;
  friend class FinalizeJob;
  friend class Reinitialisation;

  // Lost: a reinitialisation has failed; the next one may not.
  enum class State : unsigned char { Loaded, Initialising, Ready, Reinitialising, Lost, Finalising };

  // Held by every call in flight; when the last is gone, `then` is posted.
  struct Use {
    Use() = default;
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use();
    std::shared_ptr<Work> then;
  };
  // False when it is too late for a session.
  bool keep(const std::shared_ptr<Session>& session);
  CK_RV release();
  Finalisation beginFinalise();
  // What a Reinitialisation does to each attachment. First: whether it takes part, and its claim, which is
  // null after a failed one. Last: the result of C_Initialize.
  bool suspend(std::shared_ptr<Use>& use);
  void resume(CK_RV rv);

  std::shared_ptr<Module> module_;
  std::mutex mutex_;
  State state_ = State::Loaded;
  bool abandoned_ = false;
  bool orphaned_ = false;
  std::size_t keeps_ = 0;
  bool counted_ = false;  // holds one of the process's initialisations
  std::shared_ptr<Use> use_;
  std::set<std::shared_ptr<Session>> sessions_;
  std::shared_ptr<Use> finaliseLater_;  // asked for during a reinitialisation
};

}  // namespace cryptoki
