// Which PINs tokens have refused, for all threads of the process: lib/model/login/pin-guard.ts says what for.
// Known are only keyed digests.
#pragma once

#include "napi_setup.h"

namespace cryptoki {

// Sets `lockout` in the addon's exports: { secret(candidate), has(account, digest), add(account, digest),
// delete(account, digest), deleteAll(prefix) }.
void defineLockout(Napi::Object exports);

}  // namespace cryptoki
