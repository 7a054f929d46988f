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

// The deepest nesting of PKCS#11 itself has nine: a key derivation whose derived keys have templates of
// templates.
constexpr std::size_t kMostLevels = 32;

// An argument, or a part of one. It holds pointers to texts that live longer and to the argument that it is a
// part of; the name is put together when an error needs it.
struct Argument {
  Attachment& attachment;
  const char* function = nullptr;
  const char* text = nullptr;    // "data", ".iv"; of an element null
  const char* remark = nullptr;  // in parentheses behind the text
  const Argument* whole = nullptr;
  std::size_t index = 0;
  std::size_t level = 0;             // how many arguments it is a part of
  mutable std::size_t elements = 0;  // of all arrays in an argument that is not a part

  // argument.part(".iv"). Both refuse what nests too deep.
  Argument part(const char* suffix, const char* itsRemark = nullptr) const {
    return {attachment, function, suffix, itsRemark, this, 0, deeper()};
  }
  // argument.element(3): [3]
  Argument element(std::size_t position) const {
    return {attachment, function, nullptr, nullptr, this, position, deeper()};
  }

  std::string name() const;

  [[noreturn]] void mustBe(std::string_view expected, Napi::Value got) const;
  [[noreturn]] void outOfRange(std::string_view expected) const;

  // Counts elements that an array in the whole argument has. An array that holds another one many times, and
  // that again, has few objects and more elements than there is memory.
  void count(std::size_t more) const;

  std::size_t deeper() const;  // the level of a part
};

// "null", "an array", "a string" ... : what a value is, without its content (it may be a secret).
std::string describe(Napi::Value value);

}  // namespace cryptoki
