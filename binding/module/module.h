// A loaded PKCS#11 module: one per library and process, shared by all environments that load it.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "module/interface.h"
#include "module/library.h"
#include "module/login_watchers.h"
#include "module/process.h"
#include "module/quirks.h"
#include "module/reinitialise.h"
#include "module/session.h"
#include "module/session_name.h"
#include "module/slot_events.h"
#include "module/token_state.h"

namespace cryptoki {

struct LoadOptions {
  SymbolBinding symbolBinding = SymbolBinding::Auto;
  bool only240 = false;
};

class Module {
 public:
  // Loads the module at `path`; returns the same one for every path that leads to the same library. The
  // library stays in memory for the rest of the process, because modules leave threads and exit handlers
  // behind that need its code.
  static std::shared_ptr<Module> load(const std::string& path, const LoadOptions& options);

  Module(std::string path, Library& library, FunctionList list);

  const std::string& path() const { return path_; }
  CK_VERSION version() const { return list_.functions.version; }
  bool fromInterface() const { return list_.fromInterface; }
  void* entry() const { return entry_; }

  // Calls a function of the module: module.call<&CK_FUNCTION_LIST_3_2::C_Sign>(...). A function that it does
  // not have returns CKR_FUNCTION_NOT_SUPPORTED. If the module requires it (see Locking), only one call runs
  // at a time.
  template <auto Function, class... Arguments>
  CK_RV call(Arguments... arguments) const {
    const auto function = list_.functions.*Function;
    if (function == nullptr) return CKR_FUNCTION_NOT_SUPPORTED;
    const CallLock lock(entry_, kTouchesObjects<Function>);
    return function(arguments...);
  }

  // The same without the lock: C_WaitForSlotEvent may block for ever, and C_Finalize must be able to end it.
  template <auto Function, class... Arguments>
  CK_RV callUnlocked(Arguments... arguments) const {
    const auto function = list_.functions.*Function;
    return function == nullptr ? CKR_FUNCTION_NOT_SUPPORTED : function(arguments...);
  }

  // Makes calls run one at a time from now on, in the whole process; see Locking.
  void require(Locking locking) const { process().require(entry_, static_cast<int>(locking)); }

  // The quirks of this module, set after its initialisation.
  void learnQuirks(const CK_INFO& info) {
    quirks_ = &quirksOf(info, path_);
    require(quirks().locking);
  }
  const Quirks& quirks() const { return *quirks_.load(); }

  // Held from the call for a length to the call for the value, and around a change. Only for a module that
  // would write a longer value beyond the end of the memory, because a lock can also make other calls hang.
  std::shared_lock<std::shared_mutex> readingAttributes() const {
    return quirks().writesAttributesWhole ? std::shared_lock(attributes_)
                                          : std::shared_lock<std::shared_mutex>();
  }
  std::unique_lock<std::shared_mutex> changingAttributes() const {
    return quirks().writesAttributesWhole ? std::unique_lock(attributes_)
                                          : std::unique_lock<std::shared_mutex>();
  }

  // The number of calls of C_Finalize.
  std::uint64_t finalisations() const { return finalisations_.load(); }
  void noteFinalisation() { ++finalisations_; }

  SlotEvents& slotEvents() { return slotEvents_; }
  LoginWatchers& loginWatchers() { return loginWatchers_; }
  Reinitialisations& reinitialisations() { return reinitialisations_; }

  std::shared_ptr<TokenState> token(CK_SLOT_ID slot);

  // The open session with this name, or null.
  std::shared_ptr<Session> session(SessionName name);
  std::vector<std::shared_ptr<Session>> sessionsOn(CK_SLOT_ID slot);

  // C_CloseSession and its record, as one step. The caller must hold the session.
  CK_RV close(Session& session);

  // Records a session that C_OpenSession returned (the caller holds the Gate of the token's sessions) or that
  // is gone. The first session on a token asks for the login state, because some modules keep the login when
  // the last session closes; the last one ends the login.
  std::shared_ptr<Session> opened(CK_SESSION_HANDLE handle, CK_SLOT_ID slot, bool readWrite,
                                  const std::shared_ptr<Attachment>& attachment);
  void closed(Session& session);
  // The same for a session that was lost, not closed by a call: the module may still use its pending memory.
  void lost(Session& session);
  // Records all sessions as lost: the module is about to be finalised.
  std::vector<std::shared_ptr<Session>> forgetSessions();

  // Asks the module for the login state. The caller must hold the session.
  CK_RV refreshLogin(const Session& session) const;

 private:
  class CallLock {
   public:
    CallLock(void* entry, bool touchesObjects)
        : entry_(process().lock(entry, touchesObjects ? 1 : 0) != 0 ? entry : nullptr) {}
    CallLock(const CallLock&) = delete;
    CallLock& operator=(const CallLock&) = delete;
    ~CallLock() {
      if (entry_ != nullptr) process().unlock(entry_);
    }

   private:
    void* entry_;
  };

  std::string path_;
  FunctionList list_;
  void* entry_;

  static constexpr Quirks kUnknown{};
  std::atomic<const Quirks*> quirks_{&kUnknown};
  std::atomic<std::uint64_t> finalisations_{0};
  SlotEvents slotEvents_{*this};
  LoginWatchers loginWatchers_;
  Reinitialisations reinitialisations_;
  std::vector<std::shared_ptr<void>> stillPending_;  // memory of calls on lost sessions; never freed
  mutable std::shared_mutex attributes_;
  std::mutex mutex_;
  std::map<CK_SLOT_ID, std::shared_ptr<TokenState>> tokens_;
  std::map<CK_SESSION_HANDLE, std::shared_ptr<Session>> sessions_;
};

}  // namespace cryptoki
