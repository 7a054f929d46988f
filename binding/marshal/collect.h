// Rules for reading arguments, so that JavaScript which runs meanwhile cannot invalidate memory.
//
// Getters, proxies and array elements run JavaScript, which may detach a buffer, grow an array, close a
// session or finalise the module. Therefore:
//   1. A list is read completely first; its length is fixed from then on (elementsOf).
//   2. Bytes are copied when they are read; a detached buffer is empty, as for Node and the web.
//   3. A pointer into JavaScript memory is valid until the next call that may run JavaScript;
//      calls/sync_fast_path.cc does not copy bytes, so it reads them last.
//   4. Values nest kMostLevels deep at most: one that contains itself must not exhaust the stack.
//   5. The module is claimed after all arguments have been read (calls/raw_module.h).
#pragma once

#include <string>
#include <vector>

#include "marshal/argument.h"

namespace cryptoki {

// The elements of an array. `expected` describes the array in error messages.
std::vector<Napi::Value> elementsOf(Napi::Value list, const Argument& argument, std::string_view expected);

// The names of an object's own members, without symbols: members that a program adds to Object.prototype are
// not arguments.
std::vector<std::string> ownNames(const Napi::Object& object);

}  // namespace cryptoki
