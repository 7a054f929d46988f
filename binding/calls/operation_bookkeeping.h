// Keeps the parameter of a multi-part operation alive until the operation ends: a module may read it after
// the Init function, and AWS CloudHSM writes the generated IV into it during C_Encrypt.
#pragma once

#include "generated/calls.h"
#include "module/session.h"

namespace cryptoki {

// The role of a parameter that may have to be kept.
template <class Roles>
role::OperationInput& operationInput(Roles& roles) {
  if constexpr (requires { roles.mechanism; })
    return roles.mechanism;
  else
    return roles.parameter;
}

// Makes the call; keeps the parameter of the operation, copies back what the module wrote, and drops it at
// the end of the operation. After an error it is kept until the next operation or the end of the session,
// because some modules do not end a failed operation.
template <class Function, class Roles, class Invoke>
CK_RV aroundOperation(Roles& roles, Invoke&& invoke) {
  if constexpr (!requires { Function::place; }) {
    return invoke();
  } else {
    auto& parameter = roles.session.session->parameter(Function::operation);
    if constexpr (Function::place == OperationPlace::Begins) {
      const auto kept = operationInput(roles).keep();
      const CK_RV rv = invoke();
      kept->capture();
      if (rv == CKR_OK || rv == CKR_PENDING) parameter = kept;
      return rv;
    } else {
      const CK_RV rv = invoke();
      if (!parameter) return rv;
      if (parameter->memory().writesBack()) {
        parameter->capture();
        roles.session.parameter = parameter;
      }
      if (Function::place == OperationPlace::Ends && rv == CKR_OK) parameter.reset();
      return rv;
    }
  }
}

}  // namespace cryptoki
