// Functions that the fault module implements itself instead of only forwarding them.
#pragma once

#include "fault/generated/functions.h"

namespace cryptoki::fault {

CK_RV initialize(void* arguments);
CK_RV finalize(void* reserved);
CK_RV getInfo(CK_INFO* info);
CK_RV getSlotList(CK_BBOOL tokenPresent, CK_SLOT_ID* list, CK_ULONG* count);
CK_RV getSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO* info);
CK_RV openSession(CK_SLOT_ID slot, CK_FLAGS flags, void* application, CK_NOTIFY notify,
                  CK_SESSION_HANDLE* handle);
CK_RV closeSession(CK_SESSION_HANDLE handle);
CK_RV closeAllSessions(CK_SLOT_ID slot);
CK_RV waitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID* slot, void* reserved);

template <Function>
inline constexpr auto kImplementation = nullptr;
template <>
inline constexpr auto kImplementation<Function::C_Initialize> = &initialize;
template <>
inline constexpr auto kImplementation<Function::C_Finalize> = &finalize;
template <>
inline constexpr auto kImplementation<Function::C_GetInfo> = &getInfo;
template <>
inline constexpr auto kImplementation<Function::C_GetSlotList> = &getSlotList;
template <>
inline constexpr auto kImplementation<Function::C_GetSlotInfo> = &getSlotInfo;
template <>
inline constexpr auto kImplementation<Function::C_OpenSession> = &openSession;
template <>
inline constexpr auto kImplementation<Function::C_CloseSession> = &closeSession;
template <>
inline constexpr auto kImplementation<Function::C_CloseAllSessions> = &closeAllSessions;
template <>
inline constexpr auto kImplementation<Function::C_WaitForSlotEvent> = &waitForSlotEvent;

}  // namespace cryptoki::fault
