#include "module/login_steps.h"

#include "module/attachment.h"

namespace cryptoki {
namespace {

// Calls C_GetSessionInfo in the queue of a session and records the login state.
class LoginCheck final : public Job {
 public:
  LoginCheck(Module& module, std::shared_ptr<Session> session)
      : module_(module), session_(std::move(session)) {}

  void execute() override {
    session_->token().isChecking = false;
    if (!session_->isOpen() || !session_->token().isDoubtful()) return;
    const CK_RV rv = module_.refreshLogin(*session_);
    // If this session is lost too, the next one is asked.
    if (const auto attachment = session_->attachment()) noteFailure(*attachment, session_, rv);
  }

 protected:
  Napi::Value value(Napi::Env env) override { return env.Undefined(); }

 private:
  Module& module_;
  std::shared_ptr<Session> session_;
};

}  // namespace

void checkLogin(Module& module, TokenState& token) noexcept {
  if (!token.isDoubtful() || token.isChecking.exchange(true)) return;
  try {
    for (const auto& session : module.sessionsOn(token.slot())) {
      const auto attachment = session->attachment();
      if (!attachment || !session->isOpen()) continue;
      try {
        auto job = std::make_shared<LoginCheck>(module, session);
        job->hold(attachment->use(nullptr));
        session->queue().submit(std::move(job));
        return;
      } catch (const Failure&) {
        // The attachment is ending: use a session of another one.
      }
    }
  } catch (const std::exception&) {
    // Out of memory: the login is checked when the next session is opened.
  }
  token.isChecking = false;
}

void noteFailure(Attachment& attachment, const std::shared_ptr<Session>& session, CK_RV rv) {
  TokenState& token = session->token();
  if (rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED) {
    token.doubt();
    attachment.module().lost(*session);
    attachment.forget(session);
  }
  const bool objectGone = rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_KEY_HANDLE_INVALID;
  if (rv == CKR_USER_NOT_LOGGED_IN || objectGone) token.deny();
  if ((rv == CKR_USER_NOT_LOGGED_IN || objectGone) && token.login() != Login::None)
    attachment.module().refreshLogin(*session);
}

}  // namespace cryptoki
