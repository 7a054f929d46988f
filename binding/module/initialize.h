// C_Initialize, with what real modules need.
#pragma once

#include "generated/pkcs11.h"

namespace cryptoki {

class Module;
struct InitializeOptions;

// Counts one more use of the module in the process; the first calls C_Initialize: with CKF_OS_LOCKING_OK,
// else without locking and then one call at a time, else with a null argument. Modules with quirks (quirks.h)
// get the locking that they need.
CK_RV initializeModule(Module& module, const InitializeOptions& options);

}  // namespace cryptoki
