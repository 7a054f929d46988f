// Includes Node-API; include this file instead of napi.h. The compile definitions (CMakeLists.txt) remove the
// parts that this addon must not use: external buffers (Electron's memory cage), deprecated calls, finalizers
// that run JavaScript.
#pragma once

#include <napi.h>

#if !defined(NODE_API_NO_EXTERNAL_BUFFERS_ALLOWED) || !defined(NODE_ADDON_API_REQUIRE_BASIC_FINALIZERS)
#error "build with CMakeLists.txt: it sets the Node-API definitions this code relies on"
#endif
