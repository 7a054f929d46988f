#include "module/module.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "module/login_steps.h"

namespace cryptoki {

std::shared_ptr<Module> Module::load(const std::string& path, const LoadOptions& options) {
  static std::mutex& mutex = *new std::mutex;                                      // NOLINT
  static auto& modules = *new std::unordered_map<void*, std::shared_ptr<Module>>;  // NOLINT
  Library library(path, options.symbolBinding);
  {
    std::lock_guard lock(mutex);
    const auto found = modules.find(library.handle());
    if (found != modules.end()) return found->second;
  }
  // Outside of the lock: the module's own code runs here and must not delay other loads.
  auto loaded = std::make_shared<Module>(path, library, discover(library, path, options.only240));
  std::lock_guard lock(mutex);
  const auto [place, isFirst] = modules.try_emplace(library.handle(), std::move(loaded));
  if (isFirst) library.keep();
  return place->second;
}

Module::Module(std::string path, Library& library, FunctionList list)
    : path_(std::move(path)), list_(list), entry_(process().entry(library.handle())) {}

std::shared_ptr<TokenState> Module::token(CK_SLOT_ID slot) {
  std::lock_guard lock(mutex_);
  auto& token = tokens_[slot];
  if (!token)
    token =
        std::make_shared<TokenState>(slot, [this](CK_SLOT_ID changed) { loginWatchers_.notify(changed); });
  return token;
}

std::shared_ptr<Session> Module::session(SessionName name) {
  std::lock_guard lock(mutex_);
  const auto found = sessions_.find(name.handle);
  if (found == sessions_.end()) return nullptr;
  return name.serial == 0 || name.serial == found->second->serial() ? found->second : nullptr;
}

std::vector<std::shared_ptr<Session>> Module::sessionsOn(CK_SLOT_ID slot) {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Session>> found;
  for (const auto& [handle, session] : sessions_) {
    if (session->token().slot() == slot) found.push_back(session);
  }
  return found;
}

std::shared_ptr<Session> Module::opened(CK_SESSION_HANDLE handle, CK_SLOT_ID slot, bool readWrite,
                                        const std::shared_ptr<Attachment>& attachment) {
  auto session = std::make_shared<Session>(handle, token(slot), readWrite, attachment);
  std::shared_ptr<Session> before;  // destroyed after the table is unlocked
  {
    std::lock_guard lock(mutex_);
    auto& place = sessions_[handle];
    before = std::exchange(place, session);
    if (before) before->markClosed();  // the module had closed that session itself and reused its number
  }
  if (session->token().isDoubtful()) refreshLogin(*session);
  return session;
}

CK_RV Module::close(Session& session) {
  const Gate::Pass pass(session.token().sessions, Gate::Mode::Alone);
  const CK_RV rv = call<&CK_FUNCTION_LIST_3_2::C_CloseSession>(session.handle());
  if (rv != CKR_OK && rv != CKR_SESSION_HANDLE_INVALID && rv != CKR_SESSION_CLOSED) return rv;
  if (!pass.isHeld()) session.token().doubt();
  if (rv == CKR_OK)
    closed(session);
  else
    lost(session);
  if (!pass.isHeld()) checkLogin(*this, session.token());
  return rv;
}

void Module::lost(Session& session) {
  {
    std::lock_guard lock(mutex_);
    for (auto& memory : session.pending) stillPending_.push_back(std::move(memory));
  }
  session.pending.clear();
  closed(session);
}

void Module::closed(Session& session) {
  session.markClosed();
  std::shared_ptr<Session> keep;
  bool isLast = false;
  {
    std::lock_guard lock(mutex_);
    const auto found = sessions_.find(session.handle());
    if (found == sessions_.end() || found->second.get() != &session) return;
    keep = std::move(found->second);
    sessions_.erase(found);
    const auto* token = &keep->token();
    isLast = std::none_of(sessions_.begin(), sessions_.end(),
                          [token](const auto& entry) { return &entry.second->token() == token; });
  }
  // The caller holds the session, or all calls have ended.
  session.pending.clear();  // they hold the session, too
  session.parameters = {};
  if (!isLast) return;
  keep->token().loggedOut();
  keep->token().doubt();  // some modules keep the login
}

std::vector<std::shared_ptr<Session>> Module::forgetSessions() {
  std::vector<std::shared_ptr<Session>> sessions;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [handle, session] : sessions_) sessions.push_back(session);
  }
  for (const auto& session : sessions) lost(*session);
  return sessions;
}

CK_RV Module::refreshLogin(const Session& session) const {
  constexpr int kAttempts = 8;
  TokenState& token = session.token();
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const std::uint64_t version = token.version();
    CK_SESSION_INFO info{};
    const CK_RV rv = call<&CK_FUNCTION_LIST_3_2::C_GetSessionInfo>(session.handle(), &info);
    if (rv != CKR_OK) return rv;
    if (token.adopt(info.state, version)) break;
  }
  return CKR_OK;
}

}  // namespace cryptoki
