// One operation of the bench on one session, as a C program makes it: Init and the operation, for each
// message.
#pragma once

#include <memory>
#include <string>

#include "command.h"
#include "module.h"

class Operation {
 public:
  virtual ~Operation() = default;
  // Runs it once. Throws the error of the module.
  virtual void perform() = 0;
};

// The operation of the command: `call` (sign, digest, digest-stream with `chunks`, encrypt, random,
// session-info, find), `mechanism`, `label` and `class` of the key, `size` of the message in bytes, `iv` and
// `tag` in bits for AES-GCM.
std::unique_ptr<Operation> makeOperation(const Module& module, CK_SESSION_HANDLE session,
                                         CK_OBJECT_HANDLE key, const Command& command);
