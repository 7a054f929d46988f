// A session as JavaScript names it.
#pragma once

#include <cstdint>

#include "generated/pkcs11.h"

namespace cryptoki {

// The handle alone, or with the serial of the session. Modules give the handle of a closed session to another
// one; a serial is given once in a process.
struct SessionName {
  CK_SESSION_HANDLE handle = 0;
  std::uint64_t serial = 0;  // 0: the session that has the handle now
};

}  // namespace cryptoki
