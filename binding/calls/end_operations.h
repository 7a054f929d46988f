// Ends operations that are still active. A module should end an operation that fails; several do not.
#pragma once

#include <memory>

#include "module/module.h"

namespace cryptoki {

// Ends the operations named by `flags` (CKF_SIGN, CKF_FIND_OBJECTS ...): with C_SessionCancel if the module
// has it, otherwise by finishing each one on an empty message. Returns false when one may still be active,
// and records that in the session.
bool endOperations(const Module& module, const std::shared_ptr<Session>& session, CK_FLAGS flags);

// Runs an Init function. When it returns CKR_OPERATION_ACTIVE after an earlier error of ours, ends that
// operation and tries again. If that fails, closes the session: it would refuse every later operation.
template <class Init>
CK_RV beginOperation(Module& module, const std::shared_ptr<Session>& session, Init&& init) {
  CK_RV rv = init();
  if (rv == CKR_OK) session->unended = 0;
  if (rv != CKR_OPERATION_ACTIVE || session->unended == 0) return rv;
  endOperations(module, session, session->unended);
  session->unended = 0;
  rv = init();
  if (rv != CKR_OPERATION_ACTIVE) return rv;
  if (module.close(*session) != CKR_OK) module.lost(*session);
  return CKR_SESSION_CLOSED;
}

}  // namespace cryptoki
