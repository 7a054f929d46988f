// Where a JavaScript argument stands, for error messages such as: C_Sign: "data" must be ... (got string).
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

#include "error.h"
#include "napi_setup.h"

namespace cryptoki {

class Attachment;

// An argument, or a part of one. It holds pointers to texts that live longer and to the argument that it is a
// part of; the name is put together when an error needs it.
struct Argument {
  Attachment& attachment;
  const char* function = nullptr;
  const char* text = nullptr;    // "data", ".iv"; of an element null
  const char* remark = nullptr;  // in parentheses behind the text
  const Argument* whole = nullptr;
  std::size_t index = 0;

  // argument.part(".iv")
  Argument part(const char* suffix, const char* itsRemark = nullptr) const {
    return {attachment, function, suffix, itsRemark, this};
  }
  // argument.element(3): [3]
  Argument element(std::size_t position) const {
    return {attachment, function, nullptr, nullptr, this, position};
  }

  std::string name() const;

  [[noreturn]] void mustBe(std::string_view expected, Napi::Value got) const;
  [[noreturn]] void outOfRange(std::string_view expected) const;
};

// "null", "an array", "a string" ... : what a value is, without its content (it may be a secret).
std::string describe(Napi::Value value);

}  // namespace cryptoki
