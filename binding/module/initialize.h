// C_Initialize, with what real modules need, and C_Finalize.
#pragma once

#include "generated/pkcs11.h"

namespace cryptoki {

class Module;
struct InitializeOptions;

// Counts one more use of the module in the process; the first calls C_Initialize: with CKF_OS_LOCKING_OK,
// else without locking and then one call at a time, else with a null argument. Modules with quirks (quirks.h)
// get the locking that they need.
CK_RV initializeModule(Module& module, const InitializeOptions& options);

// Counts one use less; the last calls C_Finalize, if this package called C_Initialize. When that fails,
// nothing is counted, and it can be tried again.
CK_RV finaliseModule(Module& module);
// The same, tried again after a while: a device that is busy or was just lost often refuses once.
CK_RV finaliseModulePatiently(Module& module);

}  // namespace cryptoki
