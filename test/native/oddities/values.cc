// Probes of attributes and of results of operations.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>

#include "probe.h"

namespace probe {
namespace {

// The room in an argument; none for "-".
std::size_t roomOf(const std::string& argument) {
  return argument == "-" ? 0 : std::strtoull(argument.c_str(), nullptr, 0);
}

}  // namespace

void attributes(const Arguments& items) {
  const CK_SESSION_HANDLE session = open();
  const CK_OBJECT_HANDLE key = secretKey(session);
  std::vector<Room> rooms;
  std::vector<CK_ATTRIBUTE> wanted;
  rooms.reserve(items.size());
  for (const auto& item : items) {
    const std::size_t colon = item.find(':');
    const std::string size = item.substr(colon + 1);
    rooms.emplace_back(roomOf(size));
    const CK_ATTRIBUTE_TYPE type = std::strtoul(item.c_str(), nullptr, 0);
    wanted.push_back({type, size == "-" ? nullptr : rooms.back().data(), size == "-" ? 77 : roomOf(size)});
  }
  say("C_GetAttributeValue", p11->C_GetAttributeValue(session, key, wanted.data(), wanted.size()));
  for (std::size_t i = 0; i < items.size(); ++i)
    std::printf("%s %s\n", text(wanted[i].ulValueLen).c_str(), rooms[i].written().c_str());
}

void growing() {
  const CK_SESSION_HANDLE session = open();
  const CK_OBJECT_HANDLE key = secretKey(session);
  for (int round = 0; round < 3; ++round) {
    CK_ATTRIBUTE label{CKA_LABEL, nullptr, 0};
    CK_RV rv = p11->C_GetAttributeValue(session, key, &label, 1);
    std::printf("0x%lx %s\n", rv, text(label.ulValueLen).c_str());
    Bytes value(label.ulValueLen);
    label.pValue = value.data();
    rv = p11->C_GetAttributeValue(session, key, &label, 1);
    std::printf("0x%lx %s\n", rv, text(label.ulValueLen).c_str());
  }
}

void digest(const Arguments& rooms) {
  const CK_SESSION_HANDLE session = open();
  CK_MECHANISM mechanism{CKM_SHA256, nullptr, 0};
  Bytes data(3);
  p11->C_DigestInit(session, &mechanism);
  for (const auto& argument : rooms) {
    Room room(roomOf(argument));
    CK_ULONG length = argument == "-" ? 77 : roomOf(argument);
    CK_BYTE* to = argument == "-" ? nullptr : room.data();
    const CK_RV rv = p11->C_Digest(session, data.data(), data.size(), to, &length);
    std::printf("0x%lx %s %s\n", rv, text(length).c_str(), room.written().c_str());
  }
}

void random() {
  Room room(8);
  say("C_GenerateRandom", p11->C_GenerateRandom(open(), room.data(), 8));
  std::printf("%s\n", room.written() == "untouched" ? "untouched" : "written");
}

// Prints the memory right after the call, and again after a pause.
void pending() {
  const CK_SESSION_HANDLE session = open();
  CK_MECHANISM mechanism{CKM_SHA256, nullptr, 0};
  Bytes data(3);
  auto room = std::make_unique<std::array<CK_BYTE, 32>>();
  CK_ULONG length = room->size();
  p11->C_DigestInit(session, &mechanism);
  std::printf("0x%lx", p11->C_Digest(session, data.data(), data.size(), room->data(), &length));
  const bool isEmpty = std::all_of(room->begin(), room->end(), [](CK_BYTE each) { return each == 0; });
  std::printf(" %s\n", isEmpty ? "untouched" : "written");
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  std::printf("later %s\n", hex(room->data(), 4).c_str());
}

void gcm() {
  const CK_SESSION_HANDLE session = open();
  const CK_OBJECT_HANDLE key = secretKey(session);
  Bytes iv(12);
  CK_GCM_PARAMS parameter{iv.data(), iv.size(), iv.size() * 8, nullptr, 0, 128};
  CK_MECHANISM mechanism{CKM_AES_GCM, &parameter, sizeof parameter};
  Bytes plain{1, 2, 3, 4, 5};
  const auto ivText = [&] {
    return std::all_of(iv.begin(), iv.end(), [](CK_BYTE each) { return each == 0; }) ? "as given" : "changed";
  };
  say("C_EncryptInit", p11->C_EncryptInit(session, &mechanism, key));
  std::printf("IV %s\n", ivText());
  CK_ULONG length = 0;
  p11->C_Encrypt(session, plain.data(), plain.size(), nullptr, &length);
  std::printf("asked, IV %s\n", ivText());
  Bytes cipher(length);
  say("C_Encrypt", p11->C_Encrypt(session, plain.data(), plain.size(), cipher.data(), &length));
  std::printf("IV %s\n", ivText());
  for (const bool isZero : {false, true}) {
    Bytes zero(12);
    Bytes back(64);
    CK_ULONG room = back.size();
    parameter.pIv = isZero ? zero.data() : iv.data();
    if (p11->C_DecryptInit(session, &mechanism, key) != CKR_OK) {
      std::printf("C_DecryptInit failed\n");
      return;
    }
    const CK_RV rv = p11->C_Decrypt(session, cipher.data(), length, back.data(), &room);
    back.resize(rv == CKR_OK ? room : 0);
    std::printf("with the %s IV: %s\n", isZero ? "program's" : "module's",
                back == plain ? "good" : "refused");
  }
}

}  // namespace probe
