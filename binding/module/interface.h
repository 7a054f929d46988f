// Which functions a module offers: C_GetInterface (3.2, 3.1, 3.0, the default), else C_GetFunctionList.
#pragma once

#include <string>

#include "generated/pkcs11.h"
#include "module/library.h"

namespace cryptoki {

// The one list that is used for every call. A function that the module's version lacks is a null pointer, and
// so may be one that its version has: callers check each pointer.
struct FunctionList {
  CK_FUNCTION_LIST_3_2 functions{};  // its `version` is what the module said
  bool fromInterface = false;
};

// `only240`: C_GetInterface is not asked (some modules and wrappers crash in it).
// Throws Failure: ERR_CRYPTOKI_MODULE_NOT_PKCS11, or what the module returned.
FunctionList discover(const Library& library, const std::string& path, bool only240);

}  // namespace cryptoki
