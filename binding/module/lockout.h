// The PINs that tokens have refused, for all threads of the process; see lib/model/login/pin-guard.ts for the
// reason. Stores keyed digests only.
#pragma once

#include "napi_setup.h"

namespace cryptoki {

// Sets `lockout` in the addon's exports: { secret(candidate), has(account, digest), add(account, digest),
// delete(account, digest), deleteAll(prefix) }.
void defineLockout(Napi::Object exports);

}  // namespace cryptoki
