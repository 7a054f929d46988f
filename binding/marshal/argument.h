// The position of a JavaScript argument, for error messages such as: C_Sign: "data" must be ... (got a
// string).
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

#include "error.h"
#include "napi_setup.h"

namespace cryptoki {

class Attachment;

// PKCS#11 itself nests nine levels at most: a key derivation whose derived keys have templates that contain
// templates.
constexpr std::size_t kMostLevels = 32;

// An argument, or a part of one. Holds pointers to texts that outlive it and to the argument that contains
// it; builds the name only when an error needs it.
struct Argument {
  Attachment& attachment;
  const char* function = nullptr;
  const char* text = nullptr;    // "data", ".iv"; null for an element
  const char* remark = nullptr;  // in parentheses behind the text
  const Argument* whole = nullptr;
  std::size_t index = 0;
  std::size_t level = 0;             // number of arguments that contain it
  mutable std::size_t elements = 0;  // of all arrays in the argument; counted in the outermost one

  // argument.part(".iv"). Both throw when the nesting is too deep.
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

  // Counts the elements of all arrays in the outermost argument. Without a limit, an array that repeats one
  // array many times, which in turn repeats another, would need more memory than exists.
  void count(std::size_t more) const;

  std::size_t deeper() const;  // the level of a part
};

// "null", "an array", "a string" ...: the type of a value, never its content, which may be a secret.
std::string describe(Napi::Value value);

}  // namespace cryptoki
