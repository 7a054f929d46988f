// One call of a program, of any function: the data that rules match, and the parts of the result that faults
// change.
#pragma once

#include <cassert>
#include <cstdint>
#include <tuple>
#include <type_traits>

#include "fault/generated/functions.h"

namespace cryptoki::fault {

// The memory in which the program wants the result.
struct Destination {
  void* data = nullptr;  // a buffer, or the CK_ATTRIBUTE template; null: none, or a question for the length
  CK_ULONG* length = nullptr;  // of the buffer; null for random bytes and templates
  CK_ULONG count = 0;          // random bytes, or attributes in the template
};

template <class Member>
struct ArgumentsOfMember;
template <class... A>
struct ArgumentsOfMember<CK_RV (*CK_FUNCTION_LIST_3_2::*)(A...)> {
  using Tuple = std::tuple<A...>;
};

// The arguments of a function, in their order.
template <Function F>
using Arguments = typename ArgumentsOfMember<std::remove_const_t<decltype(kMember<F>)>>::Tuple;

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

  // The arguments of the program. The real module receives the changes that are made here.
  template <Function F>
  Arguments<F>& arguments() {
    assert(function_ == F);
    return *static_cast<Arguments<F>*>(tuple());
  }
  const Destination& destination() const { return destination_; }

  // Redirects the result to other memory than the program's. Not for templates.
  void redirect(void* data, CK_ULONG* length) {
    destination_.data = data;
    destination_.length = length;
    changeDestination(data, length);
  }

  bool asksLength() const;
  bool fetches() const;

  // Returns CKR_BUFFER_TOO_SMALL, and a length larger than the buffer.
  CK_RV refuseAsGrown(CK_ULONG by) const;

  // After the call; `rv` is its return value. After an error they change nothing.
  void changeLength(std::int64_t by, CK_RV rv) const;
  void flipBit(std::uint64_t number, CK_RV rv) const;

 protected:
  virtual void* tuple() = 0;
  virtual void changeDestination(void* data, CK_ULONG* length) = 0;

 private:
  Function function_;
  CK_ULONG subject_;
  Destination destination_;
};

}  // namespace cryptoki::fault
