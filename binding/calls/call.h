// A raw call of one PKCS#11 function as a job, built from the roles of its parameters (generated/calls.h).
#pragma once

#include <memory>
#include <utility>

#include "calls/raw_module.h"
#include "calls/roles.h"
#include "calls/session_bookkeeping.h"
#include "module/attachment.h"
#include "runtime/job.h"

namespace cryptoki {

template <class Function>
class Call final : public Job {
 public:
  using Roles = typename Function::Roles;
  static constexpr const char* name = Function::name;

  Call(std::shared_ptr<Attachment> attachment, const Napi::CallbackInfo& info)
      : attachment_(std::move(attachment)) {
    readRoles<Function>(roles_, info, *attachment_);
  }

  std::shared_ptr<Session> session() const {
    if constexpr (hasSession<Roles>)
      return roles_.session.session;
    else
      return nullptr;
  }

  void execute() override {
    if constexpr (hasSession<Roles>) {
      if (!session()->isOpen()) return fail(Failure::returned(CKR_SESSION_HANDLE_INVALID, Function::name));
    }
    const CK_RV rv = Bookkeeping<Function>::around(
        *attachment_, roles_, [this] { return invoke<Function>(attachment_->module(), roles_); });
    if constexpr (hasSession<Roles>) {
      noteFailure(*attachment_, session(), rv);
      // The module continues to write into this job's memory, until C_AsyncComplete or the end of the
      // session.
      if (rv == CKR_PENDING) session()->pending.push_back(shared_from_this());
    }
    if (rv != CKR_PENDING) finishRoles(roles_);
    if (rv != CKR_OK) fail(Failure::returned(rv, Function::name));
  }

 protected:
  Napi::Value value(Napi::Env env) override { return resultOf<Function>(env, roles_); }
  void settle(Napi::Env /*env*/, bool succeeded) override { settleRoles(roles_, succeeded); }

 private:
  std::shared_ptr<Attachment> attachment_;
  Roles roles_;
};

// The methods of a function on RawModule: C_X and C_XSync.
template <class Function>
void define(std::vector<RawModule::Method>& methods) {
  defineJob<Call<Function>>(methods, Function::name);
}

}  // namespace cryptoki
