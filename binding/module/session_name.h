// A session as JavaScript identifies it.
#pragma once

#include <cstdint>

#include "generated/pkcs11.h"

namespace cryptoki {

// The handle alone, or with the serial of the session. Modules reuse the handle of a closed session; a serial
// is unique in a process.
struct SessionName {
  CK_SESSION_HANDLE handle = 0;
  std::uint64_t serial = 0;  // 0: the session that has the handle now
};

}  // namespace cryptoki
