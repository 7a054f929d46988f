// CK_MECHANISM from { mechanism, parameter }, and the parameter of message functions.
#pragma once

#include <memory>
#include <mutex>
#include <span>

#include "marshal/argument.h"
#include "marshal/structure.h"

namespace cryptoki {

class Channel;

// The JavaScript object whose fields the module may write.
class WriteBackTarget {
 public:
  WriteBackTarget() = default;
  WriteBackTarget(const WriteBackTarget&) = delete;
  WriteBackTarget& operator=(const WriteBackTarget&) = delete;
  WriteBackTarget(WriteBackTarget&& other) noexcept;
  WriteBackTarget& operator=(WriteBackTarget&& other) noexcept;
  // Any thread: the reference is let go through the channel of its environment.
  ~WriteBackTarget();

  // JavaScript thread.
  void hold(Napi::Object object);
  // The object, or empty if none is held.
  Napi::Object get() const;
  // The same, and lets it go.
  Napi::Object take();

 private:
  napi_env env_ = nullptr;
  napi_ref reference_ = nullptr;
  std::shared_ptr<Channel> channel_;
};

// A CK_MECHANISM and all its parameter points to.
class MechanismMemory {
 public:
  // `value` is { mechanism: number, parameter?: bytes | number | object }. An object is the mechanism's own
  // parameter structure, or the one that its member `structure` names.
  void read(Napi::Value value, const Argument& argument);
  // The same, or what lib/raw/flat-mechanism.ts makes of it: the number of a mechanism without a parameter,
  // or an array: [mechanism, parameter], or [mechanism, index of the structure, the parameter's object, a
  // value for each field]. If it is not to be held, the object is for the caller to keep, and to be given to
  // writeBack.
  void readBrief(Napi::Value value, const Argument& argument, bool hold = true);
  // The same from the elements of such an array.
  void readBrief(Napi::Env env, std::span<const napi_value> elements, const Argument& argument, bool hold);
  // A parameter without its mechanism: an object must name its structure.
  void readParameter(Napi::Value value, const Argument& argument);
  // Not from JavaScript: the parameter as it is, empty for none. What it points to must stay.
  void set(CK_MECHANISM_TYPE type, Bytes parameter);
  CK_MECHANISM* get();
  CK_MECHANISM_TYPE type() const { return type_; }

  // On the JavaScript thread, after the call: what the module wrote into the parameter goes back into the
  // object.
  void settle(bool written);
  bool writesBack() const { return !isPlain_ && parameter_.writesBack(); }
  void writeBack(Napi::Object object) const { parameter_.writeBack(object); }
  // The object that is held; empty if none is.
  Napi::Object target() const { return target_.get(); }
  // Takes over what the module has written by now, for writeBack().
  void capture() { parameter_.capture(); }

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

// The parameter of an operation that goes on after its Init function. A module may read it, and write into it
// (the IV that an HSM has made), until the operation ends, so the session keeps it until then.
class OperationParameter {
 public:
  explicit OperationParameter(MechanismMemory memory) : memory_(std::move(memory)) {}

  MechanismMemory& memory() { return memory_; }

  // On the thread that made a call of the operation, after it: takes over what the module has written.
  void capture();
  // On the JavaScript thread: sets that in the object of the parameter.
  void writeBack();

 private:
  MechanismMemory memory_;
  std::mutex mutex_;  // of what was captured
};

}  // namespace cryptoki
