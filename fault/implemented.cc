#include "fault/implemented.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string_view>
#include <vector>

#include "fault/instance.h"

namespace cryptoki::fault {

CK_RV initialize(void* arguments) { return Instance::get().initialize(arguments); }

CK_RV finalize(void* reserved) { return Instance::get().finalize(reserved); }

CK_RV getInfo(CK_INFO* info) {
  Real& real = Instance::get().loaded();
  const CK_RV rv = real.call<Function::C_GetInfo>(info);
  // If the fault module serialises the calls for this module, it hides the module's name: the binding would
  // recognise the name and serialise calls too, and then they would also wait for the delays of the plan.
  if (rv == CKR_OK && real.locksObjects()) {
    constexpr std::string_view kName = "fault module";
    std::fill(std::begin(info->manufacturerID), std::end(info->manufacturerID), CK_UTF8CHAR{' '});
    std::copy(kName.begin(), kName.end(), std::begin(info->manufacturerID));
  }
  return rv;
}

CK_RV getSlotList(CK_BBOOL tokenPresent, CK_SLOT_ID* list, CK_ULONG* count) {
  Instance& instance = Instance::get();
  Real& real = instance.loaded();
  if (tokenPresent == 0 || count == nullptr || !instance.slots.anyRemoved())
    return real.call<Function::C_GetSlotList>(tokenPresent, list, count);
  CK_ULONG all = 0;
  CK_RV rv = real.call<Function::C_GetSlotList>(tokenPresent, static_cast<CK_SLOT_ID*>(nullptr), &all);
  if (rv != CKR_OK) return rv;
  std::vector<CK_SLOT_ID> present(all);
  rv = real.call<Function::C_GetSlotList>(tokenPresent, present.data(), &all);
  if (rv != CKR_OK) return rv;
  present.resize(all);
  std::erase_if(present, [&](CK_SLOT_ID slot) { return instance.slots.isRemoved(slot); });
  const CK_ULONG room = *count;
  *count = static_cast<CK_ULONG>(present.size());
  if (list == nullptr) return CKR_OK;
  if (room < present.size()) return CKR_BUFFER_TOO_SMALL;
  std::copy(present.begin(), present.end(), list);
  return CKR_OK;
}

CK_RV getSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO* info) {
  Instance& instance = Instance::get();
  const CK_RV rv = instance.loaded().call<Function::C_GetSlotInfo>(slot, info);
  if (rv == CKR_OK && instance.slots.isRemoved(slot)) info->flags &= ~CKF_TOKEN_PRESENT;
  return rv;
}

// The program's notify function receives the real module's handle; no module is known to call it.
CK_RV openSession(CK_SLOT_ID slot, CK_FLAGS flags, void* application, CK_NOTIFY notify,
                  CK_SESSION_HANDLE* handle) {
  Instance& instance = Instance::get();
  if (handle == nullptr) return CKR_ARGUMENTS_BAD;
  CK_SESSION_HANDLE real = 0;
  const CK_RV rv = instance.loaded().call<Function::C_OpenSession>(slot, flags, application, notify, &real);
  if (rv != CKR_OK) return rv;
  const auto session = instance.opened(slot, real);
  if (instance.slots.isRemoved(slot) || instance.isDeviceLost()) {  // removed in the meantime
    instance.lose(*session, CKR_DEVICE_REMOVED);
    instance.sessions.remove(*session);
    return instance.isDeviceLost() ? CKR_DEVICE_ERROR : CKR_TOKEN_NOT_PRESENT;
  }
  *handle = session->handle;
  return CKR_OK;
}

CK_RV closeSession(CK_SESSION_HANDLE handle) {
  Instance& instance = Instance::get();
  const auto session = instance.sessions.find(handle);
  instance.odd.waitForAnswers();
  return session == nullptr ? CKR_SESSION_HANDLE_INVALID : instance.close(*session);
}

CK_RV closeAllSessions(CK_SLOT_ID slot) {
  Instance::get().odd.waitForAnswers();
  return Instance::get().closeAll(slot);
}

CK_RV waitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID* slot, void* reserved) {
  using std::chrono::milliseconds;
  Instance& instance = Instance::get();
  if (slot == nullptr || reserved != nullptr) return CKR_ARGUMENTS_BAD;
  const Counted waiting(instance.waiting);  // C_Finalize waits until this function returns
  const auto ended = [&] { return instance.state() != Instance::State::In || instance.isDeviceLost(); };
  auto event = instance.slots.takeEvent();
  while (!event) {
    if (instance.state() != Instance::State::In) return CKR_CRYPTOKI_NOT_INITIALIZED;
    if (instance.isDeviceLost()) return CKR_DEVICE_ERROR;
    // Polls for the real module's own events, because a blocking call would miss those of the fault module.
    const CK_RV rv = instance.loaded().call<Function::C_WaitForSlotEvent>(CKF_DONT_BLOCK, slot, nullptr);
    if (rv != CKR_NO_EVENT && rv != CKR_FUNCTION_NOT_SUPPORTED) return rv;
    if ((flags & CKF_DONT_BLOCK) != 0) return CKR_NO_EVENT;
    event =
        instance.slots.waitForEvent(rv == CKR_NO_EVENT ? milliseconds(50) : milliseconds(3'600'000), ended);
  }
  *slot = *event;
  return CKR_OK;
}

}  // namespace cryptoki::fault
