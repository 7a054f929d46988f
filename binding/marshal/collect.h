// How arguments are read, so that no JavaScript which runs meanwhile can pull memory away.
//
// Getters, proxies and array elements run JavaScript, which may detach a buffer, grow an array, close a
// session or finalise the module. Therefore:
//   1. A list is collected first, all of it, and its length counts from then on (elementsOf).
//   2. Bytes are copied at the moment at which they are read; those that were detached by then are none, as
//   they are
//      for Node and for the web. A pointer into JavaScript memory is used only
//   up to
//      the next call that may run JavaScript; calls/direct.cc, which copies nothing, reads it last.
//   3. Values nest kMostLevels deep at most: one that contains itself must not end the stack
//   (Argument::part).
//   4. The module is claimed after all arguments are read (calls/raw_module.h).
#pragma once

#include <string>
#include <vector>

#include "marshal/argument.h"

namespace cryptoki {

// The elements of an array. `expected` says in errors what it must be.
std::vector<Napi::Value> elementsOf(Napi::Value list, const Argument& argument, std::string_view expected);

// The names of an object's own members, without symbols: what a program adds to Object.prototype is no
// argument.
std::vector<std::string> ownNames(const Napi::Object& object);

}  // namespace cryptoki
