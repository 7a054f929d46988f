// C_Initialize, with workarounds for real modules, and C_Finalize.
#pragma once

#include "generated/pkcs11.h"

namespace cryptoki {

class Module;
struct InitializeOptions;

// Counts one more use of the module in the process. The first use calls C_Initialize: with CKF_OS_LOCKING_OK;
// if that fails, without locking, and then the binding makes one call at a time; if that fails, with a null
// argument. Modules with quirks (quirks.h) get the locking that they need.
CK_RV initializeModule(Module& module, const InitializeOptions& options);

// Counts one use less. The last use calls C_Finalize, if this package called C_Initialize. If that fails, the
// count stays, so that it can be tried again.
CK_RV finaliseModule(Module& module);
// The same, repeated after a pause: a device that is busy or was just lost often refuses once.
CK_RV finaliseModulePatiently(Module& module);

}  // namespace cryptoki
