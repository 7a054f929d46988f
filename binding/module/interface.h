// The functions that a module offers: from C_GetInterface (3.2, 3.1, 3.0, the default), otherwise
// C_GetFunctionList.
#pragma once

#include <string>

#include "generated/pkcs11.h"
#include "module/library.h"

namespace cryptoki {

// The list that is used for every call. A function that the module's version does not have is a null pointer,
// and one that it has may be: callers check each pointer.
struct FunctionList {
  CK_FUNCTION_LIST_3_2 functions{};  // its `version` is the one that the module reports
  bool fromInterface = false;
};

// `only240`: does not call C_GetInterface (some modules and wrappers crash in it).
// Throws Failure: ERR_CRYPTOKI_MODULE_NOT_PKCS11, or the error that the module returned.
FunctionList discover(const Library& library, const std::string& path, bool only240);

}  // namespace cryptoki
