// The probes of oddities. Each runs in a separate process:
//
//   oddity_program MODULE PROBE [ARGUMENT ...]
//
// CRYPTOKI_FAULT_PLAN contains the plan, PROBE_PIN the PIN of the token.
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>

#include "probe.h"

namespace probe {

CK_FUNCTION_LIST_3_2* p11 = nullptr;

void say(const char* what, CK_RV rv) { std::printf("%s 0x%lx\n", what, rv); }

std::string text(CK_ULONG length) { return length == ~CK_ULONG{0} ? "unavailable" : std::to_string(length); }

std::string hex(const CK_BYTE* bytes, std::size_t count) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i) {
    std::array<char, 3> two{};
    std::snprintf(two.data(), two.size(), "%02x", bytes[i]);
    result += two.data();
  }
  return result;
}

std::string Room::written() const {
  std::size_t count = bytes_.size();
  while (count > 0 && bytes_[count - 1] == kUntouched) --count;
  return count == 0 ? "untouched" : hex(bytes_.data(), count);
}

CK_RV initialize() {
  CK_C_INITIALIZE_ARGS arguments{};
  arguments.flags = CKF_OS_LOCKING_OK;
  return p11->C_Initialize(&arguments);
}

CK_SLOT_ID slot() {
  Bytes room(64 * sizeof(CK_SLOT_ID));
  auto* slots = reinterpret_cast<CK_SLOT_ID*>(room.data());
  CK_ULONG count = 64;
  p11->C_GetSlotList(1, slots, &count);
  return slots[0];
}

CK_SESSION_HANDLE open(CK_FLAGS flags) {
  CK_SESSION_HANDLE session = 0;
  const CK_RV rv = p11->C_OpenSession(slot(), flags, nullptr, nullptr, &session);
  if (rv == CKR_OK) return session;
  say("C_OpenSession", rv);
  std::exit(1);
}

std::string pin() { return std::getenv("PROBE_PIN"); }

CK_RV login(CK_SESSION_HANDLE session, std::string_view with) {
  std::string bytes(with);
  return p11->C_Login(session, CKU_USER, reinterpret_cast<CK_UTF8CHAR*>(bytes.data()), bytes.size());
}

CK_OBJECT_HANDLE secretKey(CK_SESSION_HANDLE session, bool isPrivate) {
  CK_MECHANISM mechanism{CKM_AES_KEY_GEN, nullptr, 0};
  CK_ULONG length = 32;
  CK_BBOOL yes = 1;
  CK_BBOOL hidden = isPrivate ? 1 : 0;
  std::string label = "label";
  Bytes id{1, 2};
  std::array<CK_ATTRIBUTE, 5> wanted{{{CKA_VALUE_LEN, &length, sizeof length},
                                      {CKA_PRIVATE, &hidden, 1},
                                      {CKA_ENCRYPT, &yes, 1},
                                      {CKA_LABEL, label.data(), label.size()},
                                      {CKA_ID, id.data(), id.size()}}};
  CK_OBJECT_HANDLE key = 0;
  const CK_RV rv = p11->C_GenerateKey(session, &mechanism, wanted.data(), wanted.size(), &key);
  if (rv != CKR_OK) say("C_GenerateKey", rv);
  return key;
}

namespace {

using GetFunctionList = CK_RV (*)(CK_FUNCTION_LIST_3_2**);

// Reads the first function of 3.0 in a separate process, which may end by a signal.
void readOn() {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);
    std::signal(SIGBUS, SIG_DFL);
    const volatile auto* next = &p11->C_GetInterfaceList;
    _exit(*next == nullptr ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  const bool faulted = WIFSIGNALED(status) && (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS);
  std::printf("reading on %s\n", faulted ? "faults" : "succeeds");
}

void functions(void* library) {
  std::printf("version %d.%d, last function %s\n", p11->version.major, p11->version.minor,
              p11->C_WaitForSlotEvent == nullptr ? "missing" : "there");
  readOn();
  auto* list = reinterpret_cast<CK_RV (*)(CK_INTERFACE*, CK_ULONG*)>(dlsym(library, "C_GetInterfaceList"));
  auto* get = reinterpret_cast<CK_RV (*)(CK_UTF8CHAR*, CK_VERSION*, CK_INTERFACE**, CK_FLAGS)>(
      dlsym(library, "C_GetInterface"));
  CK_ULONG count = 0;
  CK_INTERFACE* found = nullptr;
  say("C_GetInterfaceList", list(nullptr, &count));
  say("C_GetInterface", get(nullptr, nullptr, &found, 0));
}

const std::map<std::string, std::function<void(const Arguments&)>> probes{
    {"attributes", attributes},
    {"overflow", overflow},
    {"longData", [](const Arguments&) { longData(); }},
    {"curve", [](const Arguments&) { curve(); }},
    {"rsa", [](const Arguments&) { rsa(); }},
    {"growing", [](const Arguments&) { growing(); }},
    {"digest", digest},
    {"sign", sign},
    {"random", [](const Arguments&) { random(); }},
    {"pending", [](const Arguments&) { pending(); }},
    {"gcm", [](const Arguments&) { gcm(); }},
    {"slots", slots},
    {"mechanisms", mechanisms},
    {"find", find},
    {"sessions", [](const Arguments&) { sessions(); }},
    {"handles", [](const Arguments&) { handles(); }},
    {"survive", survive},
    {"logins", [](const Arguments&) { logins(); }},
    {"already", [](const Arguments&) { already(); }},
    {"pin", [](const Arguments&) { pinLength(); }},
    {"token", [](const Arguments&) { token(); }},
    {"signals", [](const Arguments&) { signals(); }},
    {"exit", [](const Arguments&) {}},
};

}  // namespace
}  // namespace probe

int main(int count, char** arguments) {
  using namespace probe;
  if (count < 3) return 2;
  void* library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::printf("dlopen: %s\n", dlerror());
    return 1;
  }
  const CK_RV rv = reinterpret_cast<GetFunctionList>(dlsym(library, "C_GetFunctionList"))(&p11);
  if (rv != CKR_OK) {
    say("C_GetFunctionList", rv);
    return 1;
  }
  const std::string name = arguments[2];
  if (name == "functions") {
    functions(library);
    return 0;
  }
  if (const CK_RV started = initialize(); started != CKR_OK) {
    say("C_Initialize", started);
    return 1;
  }
  probes.at(name)(Arguments(arguments + 3, arguments + count));
  std::fflush(stdout);  // an exit handler may end the process before the buffer is written
  if (name != "exit" || count > 3) p11->C_Finalize(nullptr);
  return 0;
}
