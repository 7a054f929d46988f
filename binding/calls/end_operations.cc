#include "calls/end_operations.h"

#include <tuple>

#include "calls/roles.h"
#include "generated/calls.h"

namespace cryptoki {
namespace {

enum class Outcome : unsigned char { Ended, NotActive, Failed };

// Calls a function that ends an operation, on an empty message.
template <class Function>
Outcome finish(const Module& module, const std::shared_ptr<Session>& session) {
  const auto roles = std::make_shared<typename Function::Roles>();
  roles->session.session = session;
  const CK_RV rv = invoke<Function>(module, *roles);
  switch (rv) {
    case CKR_OK:
    case CKR_SIGNATURE_INVALID:
    case CKR_SIGNATURE_LEN_RANGE:
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_SESSION_CLOSED:
      return Outcome::Ended;
    case CKR_OPERATION_NOT_INITIALIZED:
    case CKR_FUNCTION_NOT_SUPPORTED:
      return Outcome::NotActive;
    case CKR_PENDING:
      session->pending.push_back(roles);  // the module still uses the memory
      return Outcome::Failed;
    default:
      return Outcome::Failed;
  }
}

// A call can end the operation with an error, or report that no operation of its own form is active (NSS with
// AES-GCM, which it can do in a single part only). So the operation is over when one call succeeds, or when
// both report that none is active.
template <class Operation>
bool end(const Module& module, const std::shared_ptr<Session>& session) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    bool isActive = false;
    const auto ends = [&]<class Function>(Function) {
      const Outcome outcome = finish<Function>(module, session);
      isActive = isActive || outcome != Outcome::NotActive;
      return outcome == Outcome::Ended;
    };
    const bool hasEnded =
        std::apply([&](auto... ending) { return (ends(ending) || ...); }, typename Operation::Endings());
    if (hasEnded || !isActive) return true;
  }
  return false;
}

}  // namespace

bool endOperations(const Module& module, const std::shared_ptr<Session>& session, CK_FLAGS flags) {
  const bool isCancelled =
      module.call<&CK_FUNCTION_LIST_3_2::C_SessionCancel>(session->handle(), flags) == CKR_OK;
  CK_FLAGS unended = 0;
  const auto one = [&]<class Operation>(Operation) {
    if ((flags & Operation::flag) == 0) return;
    if (isCancelled || end<Operation>(module, session))
      session->parameter(Operation::kind).reset();
    else
      unended |= Operation::flag;
  };
  std::apply([&](auto... operation) { (one(operation), ...); }, operation::Cancellable());
  session->unended |= unended;
  return unended == 0;
}

}  // namespace cryptoki
