#include "fault/oddities.h"

#include <array>

namespace cryptoki::fault {
namespace {

using Act = CK_RV (*)(OddCall&);

std::array<Act, kOddityCount> allActions() {
  std::array<Act, kOddityCount> result{};
  for (const auto& actions : {attributeOddities(), curveOddities(), mechanismOddities(), lengthOddities(),
                              signatureOddities(), listOddities(), parameterOddities(), sessionOddities(),
                              loginOddities(), tokenOddities(), lifecycleOddities()}) {
    for (const auto& [oddity, act] : actions) result.at(static_cast<std::size_t>(oddity)) = act;
  }
  return result;
}

}  // namespace

CK_RV OddCall::proceed() {
  static const std::array<Act, kOddityCount> actions = allActions();
  // An oddity may call proceed() several times, so its position is restored after each call.
  const Replaced current(current_, current_);
  const Replaced next(next_, next_);
  while (next_ < kOddityCount) {
    current_ = next_++;
    // The oddities of the function list have no action, because that call does not go through run().
    if (oddities_.test(current_) && actions.at(current_) != nullptr) return actions.at(current_)(*this);
  }
  return call_.make(session_ == nullptr ? 0 : session_->real);
}

CK_RV OddCall::proceedInto(void* data, CK_ULONG* length) {
  const Destination program = destination();
  call_.redirect(data, length);
  const CK_RV rv = proceed();
  call_.redirect(program.data, program.length);
  return rv;
}

CK_RV OddCall::askLength(CK_ULONG& length) {
  length = 0;
  return proceedInto(nullptr, &length);
}

CK_RV OddCall::fetch(std::vector<CK_BYTE>& result) {
  CK_ULONG length = 0;
  CK_RV rv = askLength(length);
  if (rv != CKR_OK) return rv;
  result.resize(length + 1);  // a null pointer would ask for the length again
  rv = proceedInto(result.data(), &length);
  if (rv == CKR_OK) result.resize(length);
  return rv;
}

bool OddCall::fetchFitting(std::vector<CK_BYTE>& result, CK_RV& rv) {
  CK_ULONG needed = 0;
  rv = askLength(needed);
  if (rv != CKR_OK) return false;
  const bool fits = needed <= *destination().length;
  rv = fits ? fetch(result) : proceed();
  return fits && rv == CKR_OK;
}

AttributeValue readAttribute(const OddCall& odd, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  AttributeValue result;
  CK_ATTRIBUTE attribute{type, nullptr, 0};
  const CK_SESSION_HANDLE session = odd.session().real;
  result.rv = odd.real<Function::C_GetAttributeValue>(session, object, &attribute, CK_ULONG{1});
  if (result.rv != CKR_OK) return result;
  result.bytes.resize(attribute.ulValueLen);
  if (result.bytes.empty()) return result;
  attribute.pValue = result.bytes.data();
  result.rv = odd.real<Function::C_GetAttributeValue>(session, object, &attribute, CK_ULONG{1});
  if (result.rv == CKR_OK) result.bytes.resize(attribute.ulValueLen);
  return result;
}

}  // namespace cryptoki::fault
