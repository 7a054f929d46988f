#include "calls/cancel.h"

#include "runtime/secret.h"

namespace cryptoki {
namespace {

bool isOver(CK_RV rv) {
  return rv == CKR_OK || rv == CKR_OPERATION_NOT_INITIALIZED || rv == CKR_SESSION_HANDLE_INVALID ||
         rv == CKR_SESSION_CLOSED;
}

CK_RV finish(const Module& module, CK_SESSION_HANDLE session, CK_FLAGS kind) {
  using List = CK_FUNCTION_LIST_3_2;
  Bytes nothing;
  Bytes scratch(16384);
  auto* in = nothing.pointer();
  auto length = static_cast<CK_ULONG>(scratch.size());
  switch (kind) {
    case CKF_SIGN:
      return module.call<&List::C_Sign>(session, in, CK_ULONG{0}, scratch.data(), &length);
    case CKF_VERIFY:
      return module.call<&List::C_Verify>(session, in, CK_ULONG{0}, in, CK_ULONG{0});
    case CKF_DIGEST:
      return module.call<&List::C_Digest>(session, in, CK_ULONG{0}, scratch.data(), &length);
    case CKF_ENCRYPT:
      return module.call<&List::C_Encrypt>(session, in, CK_ULONG{0}, scratch.data(), &length);
    case CKF_DECRYPT:
      return module.call<&List::C_Decrypt>(session, in, CK_ULONG{0}, scratch.data(), &length);
    default:
      return module.call<&List::C_FindObjectsFinal>(session);
  }
}

}  // namespace

bool endOperations(const Module& module, CK_SESSION_HANDLE session, CK_FLAGS kinds) {
  if (module.call<&CK_FUNCTION_LIST_3_2::C_SessionCancel>(session, kinds) == CKR_OK) return true;
  bool allOver = true;
  for (const CK_FLAGS kind : {CKF_SIGN, CKF_VERIFY, CKF_DIGEST, CKF_ENCRYPT, CKF_DECRYPT, CKF_FIND_OBJECTS}) {
    if ((kinds & kind) == 0) continue;
    // The first call may end the operation with an error; the second then returns
    // CKR_OPERATION_NOT_INITIALIZED.
    bool over = false;
    for (int attempt = 0; attempt < 2 && !over; ++attempt) over = isOver(finish(module, session, kind));
    allOver = allOver && over;
  }
  return allOver;
}

}  // namespace cryptoki
