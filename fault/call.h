// One call of a program, whatever its function: what rules look at, and what faults change of its answer.
#pragma once

#include <cstdint>

#include "fault/generated/functions.h"

namespace cryptoki::fault {

// Where the program wants the answer.
struct Destination {
  void* data = nullptr;  // a buffer, or the CK_ATTRIBUTE template; null: none, or only its length is asked
  CK_ULONG* length = nullptr;  // of the buffer; null for random bytes and templates
  CK_ULONG count = 0;          // random bytes, or attributes in the template
};

class Call {
 public:
  Call(Function function, CK_ULONG subject, Destination destination)
      : function_(function), subject_(subject), destination_(destination) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  virtual ~Call() = default;

  // Makes the call in the real module.
  virtual CK_RV make(CK_SESSION_HANDLE realSession) = 0;

  Function function() const { return function_; }
  const Shape& shape() const { return kShapes[static_cast<std::size_t>(function_)]; }
  CK_ULONG subject() const { return subject_; }  // the program's session handle, or the slot

  bool asksLength() const;
  bool fetches() const;

  // CKR_BUFFER_TOO_SMALL with a length that has grown.
  CK_RV refuseAsGrown(CK_ULONG by) const;

  // After the call, with what it returned: errors answer nothing that could be changed.
  void changeLength(std::int64_t by, CK_RV rv) const;
  void flipBit(std::uint64_t number, CK_RV rv) const;

 private:
  Function function_;
  CK_ULONG subject_;
  Destination destination_;
};

}  // namespace cryptoki::fault
