// Byte strings: Buffer, any ArrayBufferView, ArrayBuffer and SharedArrayBuffer in; Buffer out.
#pragma once

#include "marshal/argument.h"
#include "napi_setup.h"
#include "runtime/secret.h"

namespace cryptoki {

bool isBytes(Napi::Value value);

// A copy: JavaScript may change, detach or collect its buffer while the job runs.
Bytes toBytes(Napi::Value value, const Argument& argument);

// A copy of the byte strings of an array, joined; accepts a single byte string as well.
Bytes toJoinedBytes(Napi::Value value, const Argument& argument);

// The UTF-8 form of a string, without a terminator. Keeps U+0000 inside the string.
Bytes toUtf8(Napi::Value value, const Argument& argument);

// A PIN or password: string (as UTF-8) or bytes.
Bytes toSecretText(Napi::Value value, const Argument& argument);

// The same bytes with a NUL behind them that size() does not count.
Bytes withNul(Bytes bytes);

Napi::Value fromBytes(Napi::Env env, const unsigned char* data, std::size_t size);

// A fixed-width field of an information structure: UTF-8, padded with blanks (or, wrongly, with NUL).
Napi::Value fromPadded(Napi::Env env, const unsigned char* text, std::size_t size);

}  // namespace cryptoki
