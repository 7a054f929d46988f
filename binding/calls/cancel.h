// Ends operations that an error left active. A module should end a failed operation itself; several do not.
#pragma once

#include "module/module.h"

namespace cryptoki {

// Ends the operations named by `kinds` (CKF_SIGN, CKF_VERIFY, CKF_DIGEST, CKF_ENCRYPT, CKF_DECRYPT,
// CKF_FIND_OBJECTS): with C_SessionCancel if the module has it, otherwise by finishing each one on an empty
// message. Returns false when an operation may still be active.
bool endOperations(const Module& module, CK_SESSION_HANDLE session, CK_FLAGS kinds);

// Runs an Init function. When it returns CKR_OPERATION_ACTIVE after an earlier error of ours, ends that
// operation and tries again. If that fails, closes the session: it would refuse every later operation.
template <class Init>
CK_RV beginOperation(Module& module, Session& session, Init&& init) {
  constexpr CK_FLAGS kAll = CKF_SIGN | CKF_VERIFY | CKF_DIGEST | CKF_ENCRYPT | CKF_DECRYPT | CKF_FIND_OBJECTS;
  CK_RV rv = init();
  if (rv == CKR_OK) session.suspect = false;
  if (rv != CKR_OPERATION_ACTIVE || !session.suspect) return rv;
  endOperations(module, session.handle(), kAll);
  session.suspect = false;
  rv = init();
  if (rv != CKR_OPERATION_ACTIVE) return rv;
  if (module.close(session) != CKR_OK) module.lost(session);
  return CKR_SESSION_CLOSED;
}

}  // namespace cryptoki
