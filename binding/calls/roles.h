// Passes the roles of a function (generated/calls.h) from JavaScript to the C call, and its results back.
#pragma once

#include <tuple>
#include <type_traits>
#include <utility>

#include "marshal/role.h"
#include "module/attachment.h"

namespace cryptoki {

// Calls `visit` with each role, in the order of the parameters.
template <class Roles, class Visit>
void forEachRole(Roles& roles, Visit&& visit) {
  std::apply([&](auto&... role) { (visit(role), ...); }, Roles::tie(roles));
}

template <class Roles>
constexpr bool hasSession = requires(Roles& roles) {
  requires std::is_same_v<decltype(roles.session), role::Session>;
};

// One C call with the arguments of the roles. Call it again while wantsAgain() returns true.
template <class Function, class Roles>
CK_RV invokeOnce(const Module& module, Roles& roles) {
  return std::apply(
      [&module](auto&... role) {
        return std::apply(
            [&module](auto... arguments) { return module.call<Function::pointer>(arguments...); },
            std::tuple_cat(role.c()...));
      },
      Roles::tie(roles));
}

template <class Roles>
bool wantsAgain(Roles& roles, CK_RV& rv) {
  return std::apply([&rv](auto&... role) { return (role.again(rv) || ...); }, Roles::tie(roles));
}

// Repeats the call until the roles have what they need, for example a larger buffer.
template <class Function, class Roles>
CK_RV invoke(const Module& module, Roles& roles) {
  CK_RV rv = CKR_OK;
  do {
    rv = invokeOnce<Function>(module, roles);
  } while (wantsAgain(roles, rv));
  return rv;
}

// Reads the roles that are JavaScript arguments, from argument `index` and role `first` on, and prepares the
// output buffers. Returns the index of the next argument.
template <class Function, class Roles>
std::uint32_t readRoles(Roles& roles, const Napi::CallbackInfo& info, Attachment& attachment,
                        std::uint32_t index = 0, std::size_t first = 0) {
  std::size_t room = 0;
  std::size_t position = 0;
  forEachRole(roles, [&](auto& role) {
    using Role = std::decay_t<decltype(role)>;
    if constexpr (Role::isInput) {
      if (position >= first)
        role.read(info[index++], {attachment, Function::name, Function::names[position]});
    }
    if constexpr (role::isMessage<Role>) room += role.bytes.size();
    ++position;
  });
  forEachRole(roles, [&](auto& role) {
    if constexpr (std::is_base_of_v<role::OutBytes, std::decay_t<decltype(role)>>) role.prepare(room);
  });
  return index;
}

// After the last call, on the thread that made it: wipes messages, which are not needed any more, and trims
// result buffers.
template <class Roles>
void finishRoles(Roles& roles) {
  forEachRole(roles, [](auto& role) {
    using Role = std::decay_t<decltype(role)>;
    if constexpr (role::isMessage<Role>) role.bytes.clear();
    if constexpr (std::is_base_of_v<role::OutBytes, Role>) role.trim();
  });
}

template <class Roles>
void settleRoles(Roles& roles, bool succeeded) {
  forEachRole(roles, [succeeded](auto& role) { role.settle(succeeded); });
}

// undefined, the only output, or an object of outputs by name.
template <class Function, class Roles>
Napi::Value resultOf(Napi::Env env, Roles& roles) {
  constexpr std::size_t kOutputs = [] {
    return []<class... Role>(std::type_identity<std::tuple<Role&...>>) {
      return (std::size_t{0} + ... + std::size_t{Role::isOutput});
    }(std::type_identity<decltype(Roles::tie(roles))>{});
  }();
  if constexpr (kOutputs == 0) {
    return env.Undefined();
  } else {
    Napi::Value only;
    auto object = kOutputs > 1 ? Napi::Object::New(env) : Napi::Object();
    std::size_t position = 0;
    forEachRole(roles, [&](const auto& role) {
      const char* name = Function::names[position++];
      if constexpr (std::decay_t<decltype(role)>::isOutput) {
        only = role.value(env);
        if (kOutputs > 1) object.Set(name, only);
      }
    });
    return kOutputs > 1 ? object.template As<Napi::Value>() : only;
  }
}

}  // namespace cryptoki
