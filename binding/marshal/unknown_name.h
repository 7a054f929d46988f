// Refuses unknown members of an object, because they are misspelt. The error proposes the nearest known name.
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

// Throws UnknownName for an unknown member. `owner` begins the sentence: "C_Sign: \"mechanism\" has". Reads
// the names of the object's own members, which may run JavaScript.
void refuseUnknownNames(const Napi::Object& object, const std::vector<std::string_view>& known,
                        std::string_view owner);

// Returns the known name with the fewest differences from `name`, or an empty string if none is near. Must
// agree with nearestName() in lib/core/arguments.ts.
std::string_view nearestName(std::string_view name, const std::vector<std::string_view>& known);

}  // namespace cryptoki
