// Modules that are known to need more than they say. The one place where a module's name makes a difference.
#pragma once

#include "generated/pkcs11.h"
#include "module/module.h"

namespace cryptoki {

// The locking that a module needs although it accepted CKF_OS_LOCKING_OK.
Locking lockingQuirk(const CK_INFO& info);

}  // namespace cryptoki
