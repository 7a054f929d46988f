// Probes of EC and RSA keys, and of memory that the address sanitizer watches.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "probe.h"

namespace probe {
namespace {

// Checks that both parts of an ECDSA signature in DER lie within it, each as an INTEGER.
bool isDer(const Bytes& signature) {
  std::size_t at = 0;
  const auto header = [&](CK_BYTE tag) -> std::size_t {
    if (at + 2 > signature.size() || signature[at] != tag) return 0;
    std::size_t length = signature[at + 1];
    at += 2;
    if (length == 0x81) length = signature[at++];
    return length;
  };
  if (header(0x30) != signature.size() - at) return false;
  for (int half = 0; half < 2; ++half) {
    const std::size_t length = header(0x02);
    if (length == 0 || at + length > signature.size()) return false;
    if ((signature[at] & 0x80U) != 0) return false;  // negative
    at += length;
  }
  return at == signature.size();
}

CK_OBJECT_HANDLE signingKey(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE& publicKey) {
  CK_MECHANISM mechanism{CKM_EC_KEY_PAIR_GEN, nullptr, 0};
  Bytes p521{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23};
  CK_BBOOL yes = 1;
  CK_BBOOL no = 0;
  std::array<CK_ATTRIBUTE, 2> open{{{CKA_EC_PARAMS, p521.data(), p521.size()}, {CKA_VERIFY, &yes, 1}}};
  std::array<CK_ATTRIBUTE, 2> hidden{{{CKA_PRIVATE, &no, 1}, {CKA_SIGN, &yes, 1}}};
  CK_OBJECT_HANDLE key = 0;
  const CK_RV rv = p11->C_GenerateKeyPair(session, &mechanism, open.data(), open.size(), hidden.data(),
                                          hidden.size(), &publicKey, &key);
  if (rv != CKR_OK) say("C_GenerateKeyPair", rv);
  return key;
}

}  // namespace

void sign(const Arguments& rounds) {
  const CK_SESSION_HANDLE session = open();
  CK_OBJECT_HANDLE publicKey = 0;
  const CK_OBJECT_HANDLE key = signingKey(session, publicKey);
  CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
  Bytes data(32, 7);
  const std::size_t count = std::strtoul(rounds.at(0).c_str(), nullptr, 0);
  std::size_t der = 0;
  std::size_t shorter = 0;
  std::size_t good = 0;
  for (std::size_t round = 0; round < count; ++round) {
    CK_ULONG asked = 0;
    p11->C_SignInit(session, &mechanism, key);
    p11->C_Sign(session, data.data(), data.size(), nullptr, &asked);
    Bytes signature(rounds.size() > 1 ? std::strtoul(rounds[1].c_str(), nullptr, 0) : asked);
    CK_ULONG length = signature.size();
    const CK_RV rv = p11->C_Sign(session, data.data(), data.size(), signature.data(), &length);
    if (rv != CKR_OK) {
      std::printf("C_Sign 0x%lx %s, asked %s\n", rv, text(length).c_str(), text(asked).c_str());
      return;
    }
    signature.resize(length);
    p11->C_VerifyInit(session, &mechanism, publicKey);
    if (p11->C_Verify(session, data.data(), data.size(), signature.data(), length) == CKR_OK) ++good;
    if (isDer(signature)) ++der;
    if (length < 132) ++shorter;
    if (round == 0) std::printf("asked %s\n", text(asked).c_str());
  }
  const auto amount = [&](std::size_t some) { return some == 0 ? "none" : some == count ? "all" : "some"; };
  std::printf("DER %s, shorter %s, good %s\n", amount(der), amount(shorter), amount(good));
}

void longData() {
  const CK_SESSION_HANDLE session = open();
  CK_OBJECT_HANDLE publicKey = 0;
  const CK_OBJECT_HANDLE key = signingKey(session, publicKey);
  CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
  for (const std::size_t size : {66, 67}) {
    Bytes data(size, 1);
    Bytes signature(132);
    CK_ULONG length = signature.size();
    const CK_RV begun = p11->C_SignInit(session, &mechanism, key);
    const CK_RV rv = p11->C_Sign(session, data.data(), data.size(), signature.data(), &length);
    std::printf("%zu bytes 0x%lx, then 0x%lx\n", size, begun, rv);
  }
}

void curve() {
  const CK_SESSION_HANDLE session = open();
  CK_OBJECT_HANDLE publicKey = 0;
  signingKey(session, publicKey);
  Bytes curve(500);
  Bytes point(200);
  std::array<CK_ATTRIBUTE, 2> wanted{
      {{CKA_EC_PARAMS, curve.data(), curve.size()}, {CKA_EC_POINT, point.data(), point.size()}}};
  say("C_GetAttributeValue", p11->C_GetAttributeValue(session, publicKey, wanted.data(), wanted.size()));
  const bool hasCurve = wanted[0].ulValueLen <= curve.size();
  std::printf("%s\n", hasCurve ? hex(curve.data(), wanted[0].ulValueLen).c_str() : "unavailable");
  std::printf("%lu bytes, first %s\n", wanted[1].ulValueLen, hex(point.data(), 5).c_str());
}

void rsa() {
  const CK_SLOT_ID first = slot();
  CK_ULONG asked = 0;
  p11->C_GetMechanismList(first, nullptr, &asked);
  std::vector<CK_MECHANISM_TYPE> list(asked);
  CK_ULONG count = asked;
  say("C_GetMechanismList", p11->C_GetMechanismList(first, list.data(), &count));
  std::printf("as many as asked: %s\n", count == asked ? "yes" : "no");
  const CK_SESSION_HANDLE session = open();
  CK_MECHANISM_INFO info{};
  for (const CK_MECHANISM_TYPE type : {CKM_RSA_PKCS, CKM_RSA_PKCS_PSS, CKM_SHA256_RSA_PKCS}) {
    CK_MECHANISM mechanism{type, nullptr, 0};
    const bool isListed = std::ranges::find(list, type) != list.end();
    const CK_RV about = p11->C_GetMechanismInfo(first, type, &info);
    std::printf("0x%lx %s, info 0x%lx, C_SignInit 0x%lx\n", type, isListed ? "listed" : "not listed", about,
                p11->C_SignInit(session, &mechanism, 1));
  }
}

void overflow(const Arguments& what) {
  const CK_SESSION_HANDLE session = open();
  const CK_OBJECT_HANDLE key = secretKey(session);
  if (what.at(0) == "label") {
    Bytes two(2);
    CK_ATTRIBUTE label{CKA_LABEL, two.data(), two.size()};
    say("C_GetAttributeValue", p11->C_GetAttributeValue(session, key, &label, 1));
  } else if (what.at(0) == "pin") {
    Bytes exact;
    for (const char each : pin()) exact.push_back(static_cast<CK_BYTE>(each));
    exact.shrink_to_fit();
    say("C_Login", p11->C_Login(session, CKU_USER, exact.data(), exact.size()));
  } else {
    auto iv = std::make_unique<std::array<CK_BYTE, 12>>();
    CK_GCM_PARAMS parameter{iv->data(), iv->size(), iv->size() * 8, nullptr, 0, 128};
    CK_MECHANISM mechanism{CKM_AES_GCM, &parameter, sizeof parameter};
    say("C_EncryptInit", p11->C_EncryptInit(session, &mechanism, key));
    iv.reset();  // too early for a module that still uses it
    Bytes data(5);
    Bytes cipher(64);
    CK_ULONG length = cipher.size();
    say("C_Encrypt", p11->C_Encrypt(session, data.data(), data.size(), cipher.data(), &length));
  }
}

}  // namespace probe
