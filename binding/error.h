// Errors as C++ values. environment.cc turns them into JavaScript errors.
#pragma once

#include <string>
#include <utility>

#include "generated/pkcs11.h"

namespace cryptoki {

// A failed call: the module returned a CK_RV, or the binding refused the call (code ERR_CRYPTOKI_...). Jobs
// throw and keep it; it never contains a PIN, key value or message.
struct Failure {
  std::string code;  // empty for a CK_RV
  CK_RV rv = CKR_OK;
  const char* function = nullptr;  // the C_ function, where there is one
  std::string detail;              // adds details to the code; may be empty

  static Failure returned(CK_RV rv, const char* function, std::string detail = {}) {
    return {{}, rv, function, std::move(detail)};
  }
  static Failure ours(std::string code, std::string detail, const char* function = nullptr) {
    return {std::move(code), CKR_OK, function, std::move(detail)};
  }
};

// An invalid JavaScript argument. Becomes a TypeError (ERR_INVALID_ARG_TYPE) or a RangeError
// (ERR_OUT_OF_RANGE).
struct BadArgument {
  bool range;
  std::string message;
};

}  // namespace cryptoki
