#include "module/module.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace cryptoki {

std::shared_ptr<Module> Module::load(const std::string& path, const LoadOptions& options) {
  static std::mutex& mutex = *new std::mutex;                                      // NOLINT
  static auto& modules = *new std::unordered_map<void*, std::shared_ptr<Module>>;  // NOLINT
  Library library(path, options.isolation);
  std::lock_guard lock(mutex);
  auto& module = modules[library.handle()];
  if (!module) {
    try {
      module = std::make_shared<Module>(path, library, discover(library, path, options.only240));
    } catch (...) {
      modules.erase(library.handle());
      throw;
    }
    library.keep();
  }
  return module;
}

Module::Module(std::string path, Library& library, FunctionList list)
    : path_(std::move(path)), list_(list), entry_(process().entry(library.handle())) {}

std::shared_ptr<TokenState> Module::token(CK_SLOT_ID slot) {
  std::lock_guard lock(mutex_);
  auto& token = tokens_[slot];
  if (!token)
    token = std::make_shared<TokenState>(slot, [this](CK_SLOT_ID changed) { loginWatchers_.tell(changed); });
  return token;
}

std::shared_ptr<Session> Module::session(CK_SESSION_HANDLE handle) {
  std::lock_guard lock(mutex_);
  const auto found = sessions_.find(handle);
  return found == sessions_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Session>> Module::sessionsOn(CK_SLOT_ID slot) {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Session>> found;
  for (const auto& [handle, session] : sessions_) {
    if (session->token().slot() == slot) found.push_back(session);
  }
  return found;
}

std::shared_ptr<Session> Module::opened(CK_SESSION_HANDLE handle, CK_SLOT_ID slot, bool readWrite) {
  auto session = std::make_shared<Session>(handle, token(slot), readWrite);
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    first = std::none_of(sessions_.begin(), sessions_.end(),
                         [slot](const auto& entry) { return entry.second->token().slot() == slot; });
    auto& place = sessions_[handle];
    if (place) place->markClosed();  // the module gave the number of a session it had closed by itself
    place = session;
  }
  if (first || session->token().doubtful.exchange(false)) refreshLogin(*session);
  return session;
}

void Module::closed(Session& session) {
  session.markClosed();
  session.pending.clear();  // they hold the session, too
  std::lock_guard lock(mutex_);
  const auto found = sessions_.find(session.handle());
  if (found == sessions_.end() || found->second.get() != &session) return;
  const auto keep = std::move(found->second);
  sessions_.erase(found);
  const auto* token = &keep->token();
  const bool last = std::none_of(sessions_.begin(), sessions_.end(),
                                 [token](const auto& entry) { return &entry.second->token() == token; });
  if (last) keep->token().loggedOut();
}

std::vector<std::shared_ptr<Session>> Module::forgetSessions() {
  std::vector<std::shared_ptr<Session>> sessions;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [handle, session] : sessions_) sessions.push_back(session);
  }
  for (const auto& session : sessions) closed(*session);
  return sessions;
}

void Module::refreshLogin(const Session& session) const {
  CK_SESSION_INFO info{};
  if (call<&CK_FUNCTION_LIST_3_2::C_GetSessionInfo>(session.handle(), &info) == CKR_OK) {
    session.token().adopt(info.state);
  }
}

}  // namespace cryptoki
