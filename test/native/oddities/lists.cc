// Probes of lists and searches.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "probe.h"

namespace probe {
namespace {

// Calls with each room in turn ("-": no buffer) and prints code, length, and the number of members written.
template <class Call>
void fill(const Arguments& rooms, Call call) {
  constexpr CK_ULONG kUntouched = ~CK_ULONG{0} - 5;
  for (const auto& argument : rooms) {
    std::vector<CK_ULONG> members(1000, kUntouched);
    CK_ULONG length = argument == "-" ? 77 : std::strtoul(argument.c_str(), nullptr, 0);
    const CK_RV rv = call(argument == "-" ? nullptr : members.data(), &length);
    const auto written = members.size() - std::count(members.begin(), members.end(), kUntouched);
    std::printf("0x%lx %lu written %zu\n", rv, length, static_cast<std::size_t>(written));
  }
}

}  // namespace

void slots(const Arguments& rooms) {
  fill(rooms, [](CK_ULONG* to, CK_ULONG* length) { return p11->C_GetSlotList(1, to, length); });
}

void mechanisms(const Arguments& rooms) {
  const CK_SLOT_ID first = slot();
  fill(rooms, [&](CK_ULONG* to, CK_ULONG* length) { return p11->C_GetMechanismList(first, to, length); });
}

// Two keys that differ in their identifier only; one has 0102.
void find(const Arguments& options) {
  const CK_SESSION_HANDLE session = open();
  secretKey(session);
  const CK_OBJECT_HANDLE other = secretKey(session);
  CK_ULONG secret = CKO_SECRET_KEY;
  CK_ULONG aes = CKK_AES;
  Bytes id{1, 2};
  Bytes otherId{9};
  CK_ATTRIBUTE changed{CKA_ID, otherId.data(), otherId.size()};
  if (const CK_RV rv = p11->C_SetAttributeValue(session, other, &changed, 1); rv != CKR_OK)
    say("C_SetAttributeValue", rv);
  std::vector<CK_ATTRIBUTE> wanted{{CKA_CLASS, &secret, sizeof secret}};
  const auto has = [&](const char* option) { return std::ranges::find(options, option) != options.end(); };
  if (has("id")) wanted.push_back({CKA_ID, id.data(), id.size()});
  if (has("type")) wanted.push_back({CKA_KEY_TYPE, &aes, sizeof aes});
  const CK_RV begun = p11->C_FindObjectsInit(session, wanted.data(), wanted.size());
  if (begun != CKR_OK) {
    say("C_FindObjectsInit", begun);
    return;
  }
  const CK_ULONG room = std::strtoul(options.at(0).c_str(), nullptr, 0);
  for (int call = 0; call < 5; ++call) {
    std::array<CK_OBJECT_HANDLE, 100> found{};
    CK_ULONG count = 0;
    const CK_RV rv = p11->C_FindObjects(session, found.data(), room, &count);
    const auto written = 100 - std::count(found.begin(), found.end(), CK_OBJECT_HANDLE{0});
    std::set<CK_OBJECT_HANDLE> different(found.begin(), found.begin() + written);
    std::printf("0x%lx %lu written %ld different %zu\n", rv, count, static_cast<long>(written),
                different.size());
    if (rv != CKR_OK || written == 0) break;
  }
  p11->C_FindObjectsFinal(session);
}

}  // namespace probe
