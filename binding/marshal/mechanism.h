// CK_MECHANISM from { mechanism, parameter }, and the parameter of message functions.
#pragma once

#include <thread>

#include "marshal/argument.h"
#include "marshal/structure.h"

namespace cryptoki {

// The JavaScript object whose fields the module may write. Its reference belongs to the JavaScript thread; in
// another, where a job ends whose environment is gone, nothing is left to let go.
class WriteBackTarget {
 public:
  WriteBackTarget() = default;
  WriteBackTarget(const WriteBackTarget&) = delete;
  WriteBackTarget& operator=(const WriteBackTarget&) = delete;
  ~WriteBackTarget();

  void hold(Napi::Object object);
  // Sets the fields in the object if `written`, and lets it go.
  void settle(const StructureMemory& memory, bool written);

 private:
  napi_env env_ = nullptr;
  napi_ref reference_ = nullptr;
  std::thread::id thread_;
};

// A CK_MECHANISM and all its parameter points to.
class MechanismMemory {
 public:
  // `value` is { mechanism: number, parameter?: bytes | number | object }. An object is the mechanism's own
  // parameter structure, or the one that its member `structure` names.
  void read(Napi::Value value, const Argument& argument);
  // A parameter without its mechanism: an object must name its structure.
  void readParameter(Napi::Value value, const Argument& argument);
  // Not from JavaScript: the parameter as it is, empty for none. What it points to must stay.
  void set(CK_MECHANISM_TYPE type, Bytes parameter);
  CK_MECHANISM* get();
  CK_MECHANISM_TYPE type() const { return type_; }

  // On the JavaScript thread, after the call: what the module wrote into the parameter goes back into the
  // object.
  void settle(bool written) { target_.settle(parameter_, written); }

 private:
  CK_MECHANISM_TYPE type_ = 0;
  bool hasType_ = false;
  bool absent_ = true;
  Bytes plain_;
  bool isPlain_ = false;
  StructureMemory parameter_;
  WriteBackTarget target_;
  CK_MECHANISM mechanism_{};
};

}  // namespace cryptoki
