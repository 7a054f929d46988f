// Members of an object that nobody reads are misspelt: they are refused, with the nearest known name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <napi.h>

namespace cryptoki {

// A TypeError with the code ERR_INVALID_ARG_VALUE.
struct UnknownName {
  std::string message;
};

// Throws UnknownName for a member that is not known. `owner` begins the sentence: "C_Sign: \"mechanism\"
// has". What the object's own members are is asked here, which may run JavaScript.
void refuseUnknownNames(const Napi::Object& object, const std::vector<std::string_view>& known,
                        std::string_view owner);

// The known name that takes the fewest changes to become `name`; empty when none is near. As nearestName() in
// lib/core/arguments.ts.
std::string_view nearestName(std::string_view name, const std::vector<std::string_view>& known);

}  // namespace cryptoki
