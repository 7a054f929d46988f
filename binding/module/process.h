// What all copies of this addon in one process share: for each loaded library, how many initialisations are
// held, who did the C_Initialize, and the lock of a module that cannot lock for itself. The first copy that
// was loaded keeps the table; later copies (another version of the package, another folder) find it by its
// exported symbol, so it has a C interface that may only grow.
#pragma once

#include "generated/pkcs11.h"

extern "C" {

struct cryptoki_process_v2 {
  // The entry for a library, by the handle that dlopen gave; made when there is none. Never freed.
  void* (*entry)(void* library);

  // Counts one more initialisation. The first calls `call`, which returns the result of C_Initialize;
  // CKR_CRYPTOKI_ALREADY_INITIALIZED then means that somebody outside of this package did it, who keeps the
  // duty to finalise. Returns CKR_OK or what C_Initialize returned.
  CK_RV (*initialise)(void* entry, CK_RV (*call)(void* context), void* context);

  // Counts one less. The last calls `call` (C_Finalize) if initialise() did C_Initialize; when that fails,
  // nothing is counted, so that it can be tried again.
  CK_RV (*finalise)(void* entry, CK_RV (*call)(void* context), void* context);

  // Counts one less without a call, for one who cannot try again. Whoever comes next finds the module
  // initialised by this package, and has the duty to finalise it.
  void (*leave)(void* entry);

  // Makes calls wait for each other: locking 1 those that touch objects, 2 all. It never becomes less.
  void (*require)(void* entry, int locking);
  // Takes the lock if this call needs it: returns 0 and does nothing else; unlock() belongs to a lock() that
  // returned 1.
  int (*lock)(void* entry, int touchesObjects);
  void (*unlock)(void* entry);
};

}  // extern "C"

namespace cryptoki {

// The table of the first copy in the process.
const cryptoki_process_v2& process();

// Whether this process is a fork of the one that loaded the addon: native threads and the module's state are
// gone, so no call may be made.
bool isForked() noexcept;

}  // namespace cryptoki
