// CK_MECHANISM from { mechanism, parameter }, and the parameter of message functions.
#pragma once

#include <memory>
#include <mutex>
#include <span>

#include "marshal/argument.h"
#include "marshal/structure.h"

namespace cryptoki {

class Channel;

// A reference to the JavaScript object whose fields the module may write.
class WriteBackTarget {
 public:
  WriteBackTarget() = default;
  WriteBackTarget(const WriteBackTarget&) = delete;
  WriteBackTarget& operator=(const WriteBackTarget&) = delete;
  WriteBackTarget(WriteBackTarget&& other) noexcept;
  WriteBackTarget& operator=(WriteBackTarget&& other) noexcept;
  // Any thread: deletes the reference through the channel of its environment.
  ~WriteBackTarget();

  // JavaScript thread.
  void hold(Napi::Object object);
  // The object, or empty if none is held.
  Napi::Object get() const;
  // The same, and drops the reference.
  Napi::Object take();

 private:
  napi_env env_ = nullptr;
  napi_ref reference_ = nullptr;
  std::shared_ptr<Channel> channel_;
};

// A CK_MECHANISM and all memory that its parameter points to.
class MechanismMemory {
 public:
  // `value` is { mechanism: number, parameter?: bytes | number | object }. An object is the parameter
  // structure of the mechanism, or the one that its member `structure` names.
  void read(Napi::Value value, const Argument& argument);
  // The same, or the flat form of lib/raw/flat-mechanism.ts: the number of a mechanism without a parameter,
  // or an array [mechanism, parameter], or [mechanism, index of the structure, the parameter object, a value
  // for each field]. If `hold` is false, the caller must keep the object and pass it to writeBack().
  void readFlat(Napi::Value value, const Argument& argument, bool hold = true);
  // The same from the elements of such an array.
  void readFlat(Napi::Env env, std::span<const napi_value> elements, const Argument& argument, bool hold);
  // A parameter without its mechanism: an object must name its structure.
  void readParameter(Napi::Value value, const Argument& argument);
  // For native callers: the parameter as raw bytes, empty for none. Memory that it points to must outlive
  // this.
  void set(CK_MECHANISM_TYPE type, Bytes parameter);
  CK_MECHANISM* get();
  CK_MECHANISM_TYPE type() const { return type_; }

  // On the JavaScript thread, after the call: copies the data that the module wrote into the parameter back
  // to the object.
  void settle(bool written);
  bool writesBack() const { return !isPlain_ && parameter_.writesBack(); }
  void writeBack(Napi::Object object) const { parameter_.writeBack(object); }
  // The held object; empty if there is none.
  Napi::Object target() const { return target_.get(); }
  // Copies the data that the module has written so far, for writeBack().
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

// The parameter of a multi-part operation. A module may read it and write into it (the IV that an HSM
// generates) until the operation ends, so the session keeps it until then.
class OperationParameter {
 public:
  explicit OperationParameter(MechanismMemory memory) : memory_(std::move(memory)) {}

  MechanismMemory& memory() { return memory_; }

  // On the thread that made a call of the operation, after the call: copies the data that the module wrote.
  void capture();
  // On the JavaScript thread: sets the copied data in the object of the parameter.
  void writeBack();

 private:
  MechanismMemory memory_;
  std::mutex mutex_;  // guards the captured data
};

}  // namespace cryptoki
