// Oddities: deviations of real modules from PKCS#11 that a rule of the plan requests. spec/oddities.json
// lists their names, the functions they apply to and the bug reports they reproduce. Each oddity is one
// function, in the file of its subject. It replaces the call, and makes the call, or the next oddity, with
// proceed().
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "fault/call.h"
#include "fault/instance.h"

namespace cryptoki::fault {

class OddCall {
 public:
  OddCall(Instance& instance, Call& call, Session* session, OddityBits oddities, std::optional<CK_RV> code)
      : instance_(instance), call_(call), session_(session), oddities_(oddities), code_(code) {}

  // Makes the call with the changed arguments. Oddities that come later in the list also apply.
  CK_RV proceed();

  // The result of the oddity when a rule can choose the code.
  CK_RV code() const { return code_.value_or(kOddities.at(current_).code); }

  Instance& instance() const { return instance_; }
  Call& call() const { return call_; }
  Function function() const { return call_.function(); }
  const Destination& destination() const { return call_.destination(); }
  // Only for a function that is called on a session.
  Session& session() const { return *session_; }
  OddMemory& memory() const { return session_->odd; }

  template <Function F>
  Arguments<F>& arguments() const {
    return call_.arguments<F>();
  }
  // Calls the real module directly, in addition to the program's call.
  template <Function F, class... A>
  CK_RV real(A... arguments) const {
    return instance_.loaded().call<F>(arguments...);
  }

  // Asks for the length of the result, then fetches it into memory of the fault module.
  CK_RV fetch(std::vector<CK_BYTE>& result);
  // The same, if the result fits into the program's buffer. Otherwise returns false and sets `rv` to an error
  // of the module or to the result of the call.
  bool fetchFitting(std::vector<CK_BYTE>& result, CK_RV& rv);
  // The length that the module returns for a call without a buffer.
  CK_RV askLength(CK_ULONG& length);

 private:
  CK_RV proceedInto(void* data, CK_ULONG* length);

  Instance& instance_;
  Call& call_;
  Session* session_;
  OddityBits oddities_;
  std::optional<CK_RV> code_;
  std::size_t current_ = 0;  // the oddity that is running
  std::size_t next_ = 0;     // the first oddity that proceed() tries next
};

// Replaces a value until the end of the scope, for example an argument during the call.
template <class T>
class Replaced {
 public:
  Replaced(T& place, T value) : place_(place), former_(place) { place = value; }
  Replaced(const Replaced&) = delete;
  Replaced& operator=(const Replaced&) = delete;
  ~Replaced() { place_ = former_; }

 private:
  T& place_;
  T former_;
};

// One attribute of an object; `rv` is the result of the module for it.
struct AttributeValue {
  CK_RV rv = CKR_OK;
  std::vector<CK_BYTE> bytes;
};
AttributeValue readAttribute(const OddCall& odd, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);

struct OddityAction {
  Oddity oddity;
  CK_RV (*act)(OddCall& odd);
};

std::span<const OddityAction> attributeOddities();
std::span<const OddityAction> curveOddities();
std::span<const OddityAction> lengthOddities();
std::span<const OddityAction> signatureOddities();
std::span<const OddityAction> listOddities();
std::span<const OddityAction> mechanismOddities();
std::span<const OddityAction> parameterOddities();
std::span<const OddityAction> sessionOddities();
std::span<const OddityAction> loginOddities();
std::span<const OddityAction> tokenOddities();
std::span<const OddityAction> lifecycleOddities();

}  // namespace cryptoki::fault
