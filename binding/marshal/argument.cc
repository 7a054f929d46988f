#include "marshal/argument.h"

namespace cryptoki {

std::string describe(Napi::Value value) {
  if (value.IsEmpty() || value.IsUndefined()) return "undefined";
  if (value.IsNull()) return "null";
  if (value.IsArray()) return "an array";
  if (value.IsBoolean()) return "a boolean";
  if (value.IsNumber()) return "a number";
  if (value.IsBigInt()) return "a bigint";
  if (value.IsString()) return "a string";
  if (value.IsFunction()) return "a function";
  if (value.IsSymbol()) return "a symbol";
  if (value.IsBuffer() || value.IsTypedArray() || value.IsDataView()) return "bytes";
  return "an object";
}

std::string Argument::name() const {
  std::string name = whole == nullptr ? "" : whole->name();
  name += text == nullptr ? "[" + std::to_string(index) + "]" : text;
  return remark == nullptr ? name : name + " (" + remark + ")";
}

std::size_t Argument::deeper() const {
  if (level >= kMostLevels)
    throw BadArgument{true, std::string(function) + ": the argument nests more than " +
                                std::to_string(kMostLevels) + " levels deep; does it contain itself?"};
  return level + 1;
}

void Argument::count(std::size_t more) const {
  constexpr std::size_t kMost = std::size_t{1} << 20;
  const Argument* root = this;
  while (root->whole != nullptr) root = root->whole;
  if (more > kMost - root->elements)
    throw BadArgument{true, std::string(function) + ": \"" + name() +
                                "\" has too many elements: all arrays of an " +
                                "argument together may have at most 1,048,576"};
  root->elements += more;
}

void Argument::mustBe(std::string_view expected, Napi::Value got) const {
  throw BadArgument{false, std::string(function) + ": \"" + name() + "\" must be " + std::string(expected) +
                               " (got " + describe(got) + ")"};
}

void Argument::outOfRange(std::string_view expected) const {
  throw BadArgument{true, std::string(function) + ": \"" + name() + "\" must be " + std::string(expected)};
}

}  // namespace cryptoki
