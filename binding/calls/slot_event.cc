// C_WaitForSlotEvent: an ordinary call with CKF_DONT_BLOCK, otherwise a wait that can be cancelled.
#include <memory>
#include <utility>

#include "calls/raw_module.h"
#include "marshal/number.h"
#include "marshal/role.h"
#include "module/slot_events.h"

namespace cryptoki {
namespace {

// (flags) -> slot
class WaitForSlotEvent final : public Job, public SlotEvents::Waiter {
 public:
  static constexpr const char* name = "C_WaitForSlotEvent";

  WaitForSlotEvent(std::shared_ptr<Attachment> attachment, const Napi::CallbackInfo& info)
      : attachment_(std::move(attachment)) {
    role::Ulong flags;
    flags.read(info[0], {*attachment_, name, "flags"});
    flags_ = flags.number;
  }

  bool waits() const { return (flags_ & CKF_DONT_BLOCK) == 0; }

  void execute() override {
    Module& module = attachment_->module();
    if (const auto missed = module.slotEvents().takeMissed()) {
      slot_ = *missed;
      return;
    }
    const CK_RV rv =
        module.call<&CK_FUNCTION_LIST_3_2::C_WaitForSlotEvent>(flags_, &slot_, static_cast<void*>(nullptr));
    if (rv != CKR_OK) fail(Failure::returned(rv, name));
  }

  const void* owner() const override { return attachment_.get(); }

  void happened(CK_RV rv, CK_SLOT_ID slot) noexcept override {
    slot_ = slot;
    if (rv != CKR_OK) fail(Failure::returned(rv, name));
    announce();
  }

 protected:
  Napi::Value value(Napi::Env env) override { return fromHandle(env, slot_); }

 private:
  std::shared_ptr<Attachment> attachment_;
  CK_FLAGS flags_ = 0;
  CK_SLOT_ID slot_ = 0;
};

Napi::Value wait(RawModule& raw, const Napi::CallbackInfo& info) {
  const auto& attachment = raw.attachment();
  attachment->checkReady(WaitForSlotEvent::name);
  auto job = std::make_shared<WaitForSlotEvent>(attachment, info);
  if (!job->waits()) {
    job->hold(attachment->use(WaitForSlotEvent::name));
    return RawModule::start(info.Env(), job, nullptr);
  }
  const Napi::Promise promise = Environment::of(info.Env()).promise(*job);
  attachment->module().slotEvents().wait(job);
  return promise;
}

Napi::Value waitSync(RawModule& raw, const Napi::CallbackInfo& info) {
  const auto& attachment = raw.attachment();
  attachment->checkReady(WaitForSlotEvent::name);
  auto job = std::make_shared<WaitForSlotEvent>(attachment, info);
  if (!job->waits()) {
    job->hold(attachment->use(WaitForSlotEvent::name));
    return RawModule::complete(info.Env(), job, nullptr);
  }
  attachment->module().slotEvents().wait(job);
  job->wait();
  return job->result(info.Env());
}

// Ends the waits of this object with CKR_FUNCTION_CANCELED.
Napi::Value cancel(RawModule& raw, const Napi::CallbackInfo& info) {
  raw.attachment()->module().slotEvents().cancel(raw.attachment().get(), CKR_FUNCTION_CANCELED);
  return info.Env().Undefined();
}

}  // namespace

void defineSlotEvents(std::vector<RawModule::Method>& methods) {
  methods.push_back({WaitForSlotEvent::name, wait, RawModule::Form::Promise});
  methods.push_back({WaitForSlotEvent::name, waitSync, RawModule::Form::Sync});
  methods.push_back({"cancelWaitForSlotEvent", cancel, RawModule::Form::Immediate});
}

}  // namespace cryptoki
