// A loaded PKCS#11 module: one per library and process, shared by all environments that load it.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
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
  Isolation isolation = Isolation::Auto;
  bool only240 = false;
};

class Module {
 public:
  // The module at `path`; the same one for every path that leads to the same library. The library stays in
  // memory for the rest of the process: modules leave threads and exit handlers behind that must not lose
  // their code.
  static std::shared_ptr<Module> load(const std::string& path, const LoadOptions& options);

  Module(std::string path, Library& library, FunctionList list);

  const std::string& path() const { return path_; }
  CK_VERSION version() const { return list_.functions.version; }
  bool fromInterface() const { return list_.fromInterface; }
  void* entry() const { return entry_; }

  // Calls a function of the module: module.call<&CK_FUNCTION_LIST_3_2::C_Sign>(...). One that it lacks
  // returns CKR_FUNCTION_NOT_SUPPORTED; calls wait for each other where the module needs it (see Locking).
  template <auto Function, class... Arguments>
  CK_RV call(Arguments... arguments) const {
    const auto function = list_.functions.*Function;
    if (function == nullptr) return CKR_FUNCTION_NOT_SUPPORTED;
    const CallLock lock(entry_, kTouchesObjects<Function>);
    return function(arguments...);
  }

  // The same without the lock, for C_WaitForSlotEvent and for what ends it, C_Finalize.
  template <auto Function, class... Arguments>
  CK_RV callUnlocked(Arguments... arguments) const {
    const auto function = list_.functions.*Function;
    return function == nullptr ? CKR_FUNCTION_NOT_SUPPORTED : function(arguments...);
  }

  // Makes calls wait for each other, in the whole process and for good.
  void require(Locking locking) const { process().require(entry_, static_cast<int>(locking)); }

  // What is peculiar to this module, known from its initialisation on.
  void learnQuirks(const CK_INFO& info) {
    const Quirks quirks = quirksOf(info, path_);
    require(quirks.locking);
    firstPbkd2Parameters_ = quirks.firstPbkd2Parameters;
    pollsForSlotEvents_ = quirks.pollsForSlotEvents;
    comparesLengths_ = quirks.comparesLengths;
    macsCrashOnOtherKeys_ = quirks.macsCrashOnOtherKeys;
    signaturesCrashOnOtherKeys_ = quirks.signaturesCrashOnOtherKeys;
    verifyReportsLastError_ = quirks.verifyReportsLastError;
  }
  bool firstPbkd2Parameters() const { return firstPbkd2Parameters_.load(); }
  bool pollsForSlotEvents() const { return pollsForSlotEvents_.load(); }
  bool comparesLengths() const { return comparesLengths_.load(); }
  bool macsCrashOnOtherKeys() const { return macsCrashOnOtherKeys_.load(); }
  bool signaturesCrashOnOtherKeys() const { return signaturesCrashOnOtherKeys_.load(); }
  bool verifyReportsLastError() const { return verifyReportsLastError_.load(); }

  // How often C_Finalize was called.
  std::uint64_t finalisations() const { return finalisations_.load(); }
  void noteFinalisation() { ++finalisations_; }

  SlotEvents& slotEvents() { return slotEvents_; }
  LoginWatchers& loginWatchers() { return loginWatchers_; }
  Reinitialisations& reinitialisations() { return reinitialisations_; }

  std::shared_ptr<TokenState> token(CK_SLOT_ID slot);

  // The open session with this name, or null.
  std::shared_ptr<Session> session(SessionName name);
  std::vector<std::shared_ptr<Session>> sessionsOn(CK_SLOT_ID slot);

  // C_CloseSession and the note of it, as one step. The caller has the turn of the session.
  CK_RV close(Session& session);

  // Notes a session that C_OpenSession has given (the caller holds the Gate of the token's sessions), or that
  // is gone. The first on a token learns who is logged in (some modules keep the login when the last session
  // closes); the last ends the login.
  std::shared_ptr<Session> opened(CK_SESSION_HANDLE handle, CK_SLOT_ID slot, bool readWrite,
                                  const std::shared_ptr<Attachment>& attachment);
  void closed(Session& session);
  // The same of one that was lost, not closed by a call: the module may go on with what is pending on it.
  void lost(Session& session);
  // All are gone: the module is about to be finalised.
  std::vector<std::shared_ptr<Session>> forgetSessions();

  // Asks the module who is logged in. The caller has the turn of the session.
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

  std::atomic<bool> firstPbkd2Parameters_{false};
  std::atomic<bool> pollsForSlotEvents_{false};
  std::atomic<bool> comparesLengths_{false};
  std::atomic<bool> macsCrashOnOtherKeys_{false};
  std::atomic<bool> signaturesCrashOnOtherKeys_{false};
  std::atomic<bool> verifyReportsLastError_{false};
  std::atomic<std::uint64_t> finalisations_{0};
  SlotEvents slotEvents_{*this};
  LoginWatchers loginWatchers_;
  Reinitialisations reinitialisations_;
  std::vector<std::shared_ptr<void>> stillPending_;  // memory of calls on lost sessions; kept for good
  std::mutex mutex_;
  std::map<CK_SLOT_ID, std::shared_ptr<TokenState>> tokens_;
  std::map<CK_SESSION_HANDLE, std::shared_ptr<Session>> sessions_;
};

}  // namespace cryptoki
