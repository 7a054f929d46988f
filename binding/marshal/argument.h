// Where a JavaScript argument stands, for error messages such as: C_Sign: "data" must be ... (got string).
#pragma once

#include <string>
#include <string_view>

#include "error.h"
#include "napi_setup.h"

namespace cryptoki {

class Attachment;

struct Argument {
  Attachment& attachment;
  const char* function;
  std::string name;

  // For a part of this argument: argument.part(".iv").
  Argument part(std::string_view suffix) const { return {attachment, function, name + std::string(suffix)}; }

  [[noreturn]] void mustBe(std::string_view expected, Napi::Value got) const;
  [[noreturn]] void outOfRange(std::string_view expected) const;
};

// "null", "an array", "a string" ... : what a value is, without its content (it may be a secret).
std::string describe(Napi::Value value);

}  // namespace cryptoki
