// A program without Node.js that uses the fault module like any PKCS#11 module: a test of the fault module,
// and a measurement of its cost.
//
//   fault_program MODULE now|lazy|violations|parallel|sizes|interfaces|cost [REAL]
//
// Faults come from CRYPTOKI_FAULT_MODULE and CRYPTOKI_FAULT_PLAN; it prints what the calls return.
#include <dlfcn.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "generated/pkcs11.h"

namespace {

CK_FUNCTION_LIST_3_2* p11 = nullptr;

// The list of another file, for comparison; null if it cannot be loaded.
CK_FUNCTION_LIST_3_2* listOf(const char* path, int flags) {
  void* library = dlopen(path, flags);
  if (library == nullptr) {
    std::printf("dlopen: %s\n", dlerror());
    return nullptr;
  }
  auto* get = reinterpret_cast<CK_RV (*)(CK_FUNCTION_LIST_3_2**)>(dlsym(library, "C_GetFunctionList"));
  CK_FUNCTION_LIST_3_2* list = nullptr;
  const CK_RV rv = get(&list);
  if (rv != CKR_OK) std::printf("C_GetFunctionList: 0x%lx\n", rv);
  return rv == CKR_OK ? list : nullptr;
}

void say(const char* what, CK_RV rv) { std::printf("%s 0x%lx\n", what, rv); }

CK_RV initialize() {
  CK_C_INITIALIZE_ARGS arguments{};
  arguments.flags = CKF_OS_LOCKING_OK;
  return p11->C_Initialize(&arguments);
}

CK_SESSION_HANDLE open() {
  CK_ULONG count = 1;
  CK_SLOT_ID slot = 0;
  p11->C_GetSlotList(1, &slot, &count);  // one slot is sufficient; CKR_BUFFER_TOO_SMALL is ignored
  if (count > 1) {
    std::vector<CK_SLOT_ID> slots(count);
    p11->C_GetSlotList(1, slots.data(), &count);
    slot = slots[0];
  }
  CK_SESSION_HANDLE session = 0;
  const CK_RV rv = p11->C_OpenSession(slot, CKF_SERIAL_SESSION, nullptr, nullptr, &session);
  if (rv != CKR_OK) say("C_OpenSession", rv);
  return session;
}

CK_RV random(CK_SESSION_HANDLE session) {
  CK_BYTE bytes[8];
  return p11->C_GenerateRandom(session, bytes, sizeof bytes);
}

// Interval at which a thread checks the calls of another one. Without it a check could be in progress when
// the other call begins, which would then be the one that breaks the rules.
void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(10)); }

// All violations of the rules of PKCS#11. The plan delays C_GenerateRandom and C_Finalize.
void violations() {
  const CK_SESSION_HANDLE session = open();
  CK_SESSION_INFO info{};
  p11->C_GetSessionInfo(session, &info);
  const CK_SLOT_ID slot = info.slotID;
  CK_RV slow = CKR_OK;
  std::thread thread([&] { slow = random(session); });
  CK_RV rv = CKR_OK;
  while ((rv = p11->C_GetSessionInfo(session, &info)) == CKR_OK) pause();
  say("overlapping", rv);
  say("close", p11->C_CloseSession(session));
  say("closeAll", p11->C_CloseAllSessions(slot));
  say("finalize", p11->C_Finalize(nullptr));
  thread.join();
  say("slow", slow);
  say("close", p11->C_CloseSession(session));
  say("closed", p11->C_GetSessionInfo(session, &info));
  say("unknown", p11->C_GetSessionInfo(12345, &info));  // not a violation: the handle was never assigned
  CK_RV last = CKR_OK;
  std::thread end([&] { last = p11->C_Finalize(nullptr); });
  CK_INFO about{};
  while ((rv = p11->C_GetInfo(&about)) == CKR_OK) pause();
  say("during finalize", rv);
  end.join();
  say("finalize", last);
}

// Queries of lengths, which the plan makes wrong.
void sizes() {
  const CK_SESSION_HANDLE session = open();
  CK_MECHANISM mechanism{CKM_SHA256, nullptr, 0};
  std::vector<CK_BYTE> data(3);
  for (int round = 0; round < 4; ++round) {
    p11->C_DigestInit(session, &mechanism);
    CK_ULONG asked = 0;
    p11->C_Digest(session, data.data(), data.size(), nullptr, &asked);
    std::vector<CK_BYTE> digest(asked);
    CK_ULONG length = asked;
    CK_RV rv = p11->C_Digest(session, data.data(), data.size(), digest.data(), &length);
    std::printf("asked %lu, then 0x%lx and %lu\n", asked, rv, length);
    if (rv != CKR_BUFFER_TOO_SMALL) continue;
    digest.resize(length);
    rv = p11->C_Digest(session, data.data(), data.size(), digest.data(), &length);
    std::printf("again 0x%lx and %lu\n", rv, length);
  }
  say("finalize", p11->C_Finalize(nullptr));
}

// Prints the results of C_GetInterfaceList and C_GetInterface.
void interfaces(const char* path) {
  void* library = dlopen(path, RTLD_NOW);
  auto* list = reinterpret_cast<CK_RV (*)(CK_INTERFACE*, CK_ULONG*)>(dlsym(library, "C_GetInterfaceList"));
  auto* get = reinterpret_cast<CK_RV (*)(CK_UTF8CHAR*, CK_VERSION*, CK_INTERFACE**, CK_FLAGS)>(
      dlsym(library, "C_GetInterface"));
  CK_ULONG count = 0;
  say("C_GetInterfaceList", list(nullptr, &count));
  std::vector<CK_INTERFACE> all(count);
  list(all.data(), &count);
  for (const auto& each : all) {
    auto* functions = static_cast<CK_FUNCTION_LIST_3_2*>(each.pFunctionList);
    CK_INTERFACE* same = nullptr;
    const CK_RV rv = get(each.pInterfaceName, &functions->version, &same, 0);
    const bool has30 = functions->version.major >= 3 && functions->C_MessageEncryptInit != nullptr;
    std::printf("%s %d.%d %s %s\n", reinterpret_cast<const char*>(each.pInterfaceName),
                functions->version.major, functions->version.minor, has30 ? "messages" : "-",
                rv == CKR_OK && same->pFunctionList == each.pFunctionList ? "found" : "not found");
  }
  CK_VERSION none{9, 9};
  CK_INTERFACE* found = nullptr;
  say("9.9", get(nullptr, &none, &found, 0));
  say("default", get(nullptr, nullptr, &found, 0));
}

void parallel() {
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([session = open()] {
      for (int round = 0; round < 20; ++round) {
        if (const CK_RV rv = random(session); rv != CKR_OK) say("C_GenerateRandom", rv);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  say("finalize", p11->C_Finalize(nullptr));
}

double nanoseconds(CK_FUNCTION_LIST_3_2* list, CK_SESSION_HANDLE session, int count) {
  CK_SESSION_INFO info{};
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) list->C_GetSessionInfo(session, &info);
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() / count;
}

// The time of C_GetSessionInfo through the fault module and, by another copy of the real module, without.
void cost(const char* direct) {
  constexpr int kCount = 500'000;
  auto* through = p11;
  const CK_SESSION_HANDLE session = open();
  nanoseconds(through, session, kCount);
  const double wrapped = nanoseconds(through, session, kCount);
  p11 = listOf(direct, RTLD_NOW);
  if (p11 == nullptr || initialize() != CKR_OK) return;
  const CK_SESSION_HANDLE other = open();
  nanoseconds(p11, other, kCount);
  const double plain = nanoseconds(p11, other, kCount);
  std::printf("through %.0f ns, direct %.0f ns, difference %.0f ns\n", wrapped, plain, wrapped - plain);
  constexpr int kThreads = 8;
  std::vector<std::thread> threads;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kThreads; ++i) {
    CK_FUNCTION_LIST_3_2* const current = p11;
    p11 = through;
    threads.emplace_back([through, mine = open()] { nanoseconds(through, mine, kCount); });
    p11 = current;
  }
  for (auto& thread : threads) thread.join();
  const double all =
      std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
  std::printf("8 threads: %.0f ns of wall clock per call\n", all / kCount / kThreads);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return 2;
  const std::string what = arguments[2];
  p11 = listOf(arguments[1], (what == "lazy" ? RTLD_LAZY : RTLD_NOW) | RTLD_LOCAL);
  if (p11 == nullptr) return 1;
  if (what == "interfaces") {
    interfaces(arguments[1]);
    return 0;
  }
  say("C_Initialize", initialize());
  if (what == "violations") {
    violations();
  } else if (what == "parallel") {
    parallel();
  } else if (what == "sizes") {
    sizes();
  } else if (what == "cost" && count > 3) {
    cost(arguments[3]);
  } else {
    say("C_GenerateRandom", random(open()));
    say("C_Finalize", p11->C_Finalize(nullptr));
  }
  return 0;
}
