// One operation of the bench, as a C program does it on one session: Init and the operation, for each
// message.
#pragma once

#include <memory>
#include <string>

#include "command.h"
#include "module.h"

class Operation {
 public:
  virtual ~Operation() = default;
  // Does it once. Throws what the module returned.
  virtual void perform() = 0;
};

// What the command describes: `call` (sign, digest, digest-stream with `chunks`, encrypt, random,
// session-info, find), `mechanism`, `label` and `class` of the key, `size` of the message in bytes, `iv` and
// `tag` in bits for AES-GCM.
std::unique_ptr<Operation> makeOperation(const Module& module, CK_SESSION_HANDLE session,
                                         CK_OBJECT_HANDLE key, const Command& command);
