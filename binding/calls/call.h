// A raw call of one PKCS#11 function as a job, built from the roles of its parameters (generated/calls.h).
#pragma once

#include <memory>
#include <tuple>
#include <utility>

#include "calls/effects.h"
#include "calls/raw_module.h"
#include "marshal/role.h"
#include "module/attachment.h"
#include "runtime/job.h"

namespace cryptoki {

// One C call with the arguments of the roles. Call it again while wantsAgain() returns true.
template <class Function, class Roles>
CK_RV invokeOnce(Module& module, Roles& roles) {
  return std::apply(
      [&module](auto&... role) {
        return std::apply(
            [&module](auto... arguments) { return module.call<Function::pointer>(arguments...); },
            std::tuple_cat(role.c()...));
      },
      roles);
}

template <class Roles>
bool wantsAgain(Roles& roles, CK_RV& rv) {
  return std::apply([&rv](auto&... role) { return (role.again(rv) || ...); }, roles);
}

// Reads the roles that are JavaScript arguments, from argument `index` and role `first` on, and prepares the
// output buffers. Returns the index of the next argument.
template <class Function, class Roles>
std::uint32_t readRoles(Roles& roles, const Napi::CallbackInfo& info, Attachment& attachment,
                        std::uint32_t index = 0, std::size_t first = 0) {
  std::size_t room = 0;
  std::size_t position = 0;
  const auto read = [&](auto& role) {
    using Role = std::decay_t<decltype(role)>;
    if constexpr (Role::isInput) {
      if (position >= first)
        role.read(info[index++], {attachment, Function::name, Function::names[position]});
    }
    if constexpr (role::isMessage<Role>) room += role.bytes.size();
    ++position;
  };
  const auto prepare = [&](auto& role) {
    if constexpr (std::is_base_of_v<role::OutBytes, std::decay_t<decltype(role)>>) role.prepare(room);
  };
  std::apply([&](auto&... role) { (read(role), ...); }, roles);
  std::apply([&](auto&... role) { (prepare(role), ...); }, roles);
  return index;
}

// After the last call, on the thread that made it: wipes messages, which are not needed any more, and trims
// result buffers.
template <class Roles>
void finishRoles(Roles& roles) {
  const auto finish = [](auto& role) {
    using Role = std::decay_t<decltype(role)>;
    if constexpr (role::isMessage<Role>) role.bytes.clear();
    if constexpr (std::is_base_of_v<role::OutBytes, Role>) role.trim();
  };
  std::apply([&](auto&... role) { (finish(role), ...); }, roles);
}

template <class Roles>
void settleRoles(Roles& roles, bool succeeded) {
  std::apply([succeeded](auto&... role) { (role.settle(succeeded), ...); }, roles);
}

// undefined, the only output, or an object of outputs by name.
template <class Function, class Roles>
Napi::Value resultOf(Napi::Env env, const Roles& roles) {
  constexpr std::size_t kOutputs = [] {
    return []<class... Role>(std::type_identity<std::tuple<Role...>>) {
      return (std::size_t{0} + ... + std::size_t{Role::isOutput});
    }(std::type_identity<Roles>{});
  }();
  if constexpr (kOutputs == 0) {
    return env.Undefined();
  } else {
    Napi::Value only;
    auto object = kOutputs > 1 ? Napi::Object::New(env) : Napi::Object();
    std::size_t position = 0;
    const auto collect = [&](const auto& role) {
      const char* name = Function::names[position++];
      if constexpr (std::decay_t<decltype(role)>::isOutput) {
        only = role.value(env);
        if (kOutputs > 1) object.Set(name, only);
      }
    };
    std::apply([&](const auto&... role) { (collect(role), ...); }, roles);
    return kOutputs > 1 ? object.template As<Napi::Value>() : only;
  }
}

template <class Function>
class Call final : public Job {
 public:
  using Roles = typename Function::Roles;
  static constexpr const char* name = Function::name;
  static constexpr bool hasSession = [] {
    if constexpr (std::tuple_size_v<Roles> == 0)
      return false;
    else
      return std::is_same_v<std::tuple_element_t<0, Roles>, role::Session>;
  }();

  Call(std::shared_ptr<Attachment> attachment, const Napi::CallbackInfo& info)
      : attachment_(std::move(attachment)) {
    readRoles<Function>(roles_, info, *attachment_);
  }

  std::shared_ptr<Session> session() const {
    if constexpr (hasSession)
      return std::get<0>(roles_).session;
    else
      return nullptr;
  }

  void execute() override {
    if constexpr (hasSession) {
      if (!session()->isOpen()) return fail(Failure::returned(CKR_SESSION_HANDLE_INVALID, Function::name));
    }
    CK_RV rv = Effect<Function>::around(*attachment_, roles_, [this] {
      CK_RV result = CKR_OK;
      do {
        result = invokeOnce<Function>(attachment_->module(), roles_);
      } while (wantsAgain(roles_, result));
      return result;
    });
    if constexpr (hasSession) {
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
