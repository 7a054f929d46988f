// State that all copies of this addon in one process share, for each loaded library: the number of
// initialisations, the owner of C_Initialize, and the lock of a module that cannot lock for itself. The first
// copy that is loaded owns the table. Later copies (another version of the package, another folder) find it
// by its exported symbol, so it has a C interface that may only be extended.
#pragma once

#include "generated/pkcs11.h"

extern "C" {

struct cryptoki_process_v2 {
  // The entry of a library, by the handle from dlopen; created if there is none. Never freed.
  void* (*entry)(void* library);

  // Counts one more initialisation. The first calls `call`, which returns the result of C_Initialize;
  // CKR_CRYPTOKI_ALREADY_INITIALIZED means that other software in the process called it and must finalise the
  // module. Returns CKR_OK or the error of C_Initialize.
  CK_RV (*initialise)(void* entry, CK_RV (*call)(void* context), void* context);

  // Counts one less. The last calls `call` (C_Finalize) if initialise() called C_Initialize. If that fails,
  // the count stays, so that it can be tried again.
  CK_RV (*finalise)(void* entry, CK_RV (*call)(void* context), void* context);

  // Counts one less without a call, when no retry is possible. The next user finds the module initialised by
  // this package, and must finalise it.
  void (*leave)(void* entry);

  // Makes calls run one at a time: locking 1 those that touch objects, 2 all. The level never decreases.
  void (*require)(void* entry, int locking);
  // Takes the lock if this call needs it and returns 1; otherwise returns 0. Call unlock() only after a 1.
  int (*lock)(void* entry, int touchesObjects);
  void (*unlock)(void* entry);
};

}  // extern "C"

namespace cryptoki {

// The table of the first copy in the process.
const cryptoki_process_v2& process();

// Returns true when this process is a fork of the one that loaded the addon: native threads and the state of
// the module are gone, so calls must not be made.
bool isForked() noexcept;

}  // namespace cryptoki
