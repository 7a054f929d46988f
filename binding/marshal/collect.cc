#include "marshal/collect.h"

namespace cryptoki {

std::vector<Napi::Value> elementsOf(Napi::Value list, const Argument& argument, std::string_view expected) {
  if (!list.IsArray()) argument.mustBe(expected, list);
  const auto array = list.As<Napi::Array>();
  const std::uint32_t length = array.Length();
  argument.count(length);
  std::vector<Napi::Value> elements(length);
  for (std::uint32_t i = 0; i < length; ++i) elements[i] = array.Get(i);
  return elements;
}

std::vector<std::string> ownNames(const Napi::Object& object) {
  napi_value names = nullptr;
  const auto filter = static_cast<napi_key_filter>(napi_key_enumerable | napi_key_skip_symbols);
  if (napi_get_all_property_names(object.Env(), object, napi_key_own_only, filter,
                                  napi_key_numbers_to_strings, &names) != napi_ok)
    throw Napi::Error::New(object.Env());
  const Napi::Array array(object.Env(), names);
  std::vector<std::string> result(array.Length());
  for (std::uint32_t i = 0; i < result.size(); ++i) result[i] = array.Get(i).ToString().Utf8Value();
  return result;
}

}  // namespace cryptoki
