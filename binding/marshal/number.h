// CK_ULONG and CK_BBOOL. Values are never wrapped or rounded: a value that a JavaScript number cannot
// represent becomes a bigint.
#pragma once

#include "generated/pkcs11.h"
#include "marshal/argument.h"
#include "module/session_name.h"
#include "napi_setup.h"

namespace cryptoki {

// A number or bigint from 0 to the largest CK_ULONG of this platform (2^64-1; 2^32-1 on Windows).
CK_ULONG toUlong(Napi::Value value, const Argument& argument);

// The name of a session is a bigint: the handle, with the optional serial in bits 128 and up, so that a
// number too large for a handle is still refused.
bool readSessionName(napi_env env, napi_value value, SessionName& name);
SessionName toSessionName(Napi::Value value, const Argument& argument);
Napi::Value fromSessionName(Napi::Env env, SessionName name);

CK_BBOOL toBoolean(Napi::Value value, const Argument& argument);

// number, or bigint beyond 2^53-1.
Napi::Value fromUlong(Napi::Env env, CK_ULONG value);
// The same, but undefined for CK_UNAVAILABLE_INFORMATION.
Napi::Value fromAvailable(Napi::Env env, CK_ULONG value);
// Handles and slot identifiers: always bigint.
Napi::Value fromHandle(Napi::Env env, CK_ULONG value);

}  // namespace cryptoki
