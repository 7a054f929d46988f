#include "operation.h"

#include <array>
#include <stdexcept>
#include <vector>

namespace {

constexpr std::size_t kRoom = 1024;  // for padding, tags and signatures

using Init = CK_RV (*)(CK_SESSION_HANDLE, CK_MECHANISM*, CK_OBJECT_HANDLE);
using Run = CK_RV (*)(CK_SESSION_HANDLE, CK_BYTE*, CK_ULONG, CK_BYTE*, CK_ULONG*);

// Sign, encrypt and digest, which differ in their functions only.
class Transformation final : public Operation {
 public:
  Transformation(const Module& module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key,
                 const Command& command)
      : list_(module.functions()),
        session_(session),
        key_(key),
        message_(command.number("size"), 0x5a),
        result_(message_.size() + kRoom),
        isDigest_(command.text("call") == "digest"),
        init_(command.text("call") == "sign" ? list_.C_SignInit : list_.C_EncryptInit),
        run_(isDigest_                           ? list_.C_Digest
             : command.text("call") == "encrypt" ? list_.C_Encrypt
                                                 : list_.C_Sign) {
    mechanism_.mechanism = command.number("mechanism");
    // NSS requires a buffer of exactly the length of an Ed25519 signature.
    if (mechanism_.mechanism == CKM_EDDSA) result_.resize(64);
    if (mechanism_.mechanism != CKM_AES_GCM) return;
    gcm_.pIv = iv_.data();
    gcm_.ulIvLen = static_cast<CK_ULONG>(iv_.size());
    gcm_.ulIvBits = static_cast<CK_ULONG>(iv_.size()) * 8;
    gcm_.ulTagBits = 128;
    mechanism_.pParameter = &gcm_;
    mechanism_.ulParameterLen = sizeof gcm_;
  }

  void perform() override {
    check(isDigest_ ? list_.C_DigestInit(session_, &mechanism_) : init_(session_, &mechanism_, key_), "Init");
    auto length = static_cast<CK_ULONG>(result_.size());
    check(run_(session_, message_.data(), static_cast<CK_ULONG>(message_.size()), result_.data(), &length),
          "the operation");
  }

 private:
  const CK_FUNCTION_LIST_3_2& list_;
  CK_SESSION_HANDLE session_;
  CK_OBJECT_HANDLE key_;
  std::vector<CK_BYTE> message_;
  std::vector<CK_BYTE> result_;
  bool isDigest_;
  Init init_;
  Run run_;
  std::array<CK_BYTE, 12> iv_{};
  CK_GCM_PARAMS gcm_{};
  CK_MECHANISM mechanism_{};
};

// A digest in parts.
class Stream final : public Operation {
 public:
  Stream(const Module& module, CK_SESSION_HANDLE session, const Command& command)
      : list_(module.functions()),
        session_(session),
        chunk_(command.number("size"), 0x5a),
        chunks_(command.number("chunks")) {
    mechanism_.mechanism = command.number("mechanism");
  }

  void perform() override {
    check(list_.C_DigestInit(session_, &mechanism_), "C_DigestInit");
    for (unsigned long i = 0; i < chunks_; ++i)
      check(list_.C_DigestUpdate(session_, chunk_.data(), static_cast<CK_ULONG>(chunk_.size())),
            "C_DigestUpdate");
    auto length = static_cast<CK_ULONG>(digest_.size());
    check(list_.C_DigestFinal(session_, digest_.data(), &length), "C_DigestFinal");
  }

 private:
  const CK_FUNCTION_LIST_3_2& list_;
  CK_SESSION_HANDLE session_;
  std::vector<CK_BYTE> chunk_;
  unsigned long chunks_;
  std::array<CK_BYTE, 64> digest_{};
  CK_MECHANISM mechanism_{};
};

class Random final : public Operation {
 public:
  Random(const Module& module, CK_SESSION_HANDLE session, const Command& command)
      : list_(module.functions()), session_(session), bytes_(command.number("size")) {}
  void perform() override {
    check(list_.C_GenerateRandom(session_, bytes_.data(), static_cast<CK_ULONG>(bytes_.size())),
          "C_GenerateRandom");
  }

 private:
  const CK_FUNCTION_LIST_3_2& list_;
  CK_SESSION_HANDLE session_;
  std::vector<CK_BYTE> bytes_;
};

class SessionInfo final : public Operation {
 public:
  SessionInfo(const Module& module, CK_SESSION_HANDLE session)
      : list_(module.functions()), session_(session) {}
  void perform() override { check(list_.C_GetSessionInfo(session_, &info_), "C_GetSessionInfo"); }

 private:
  const CK_FUNCTION_LIST_3_2& list_;
  CK_SESSION_HANDLE session_;
  CK_SESSION_INFO info_{};
};

class Find final : public Operation {
 public:
  Find(const Module& module, CK_SESSION_HANDLE session, const Command& command)
      : list_(module.functions()),
        session_(session),
        class_(command.number("class")),
        label_(command.text("label")) {}

  void perform() override {
    check(list_.C_FindObjectsInit(session_, search_.data(), static_cast<CK_ULONG>(search_.size())),
          "C_FindObjectsInit");
    CK_ULONG count = 0;
    do {
      check(list_.C_FindObjects(session_, found_.data(), static_cast<CK_ULONG>(found_.size()), &count),
            "C_FindObjects");
    } while (count > 0);
    check(list_.C_FindObjectsFinal(session_), "C_FindObjectsFinal");
  }

 private:
  const CK_FUNCTION_LIST_3_2& list_;
  CK_SESSION_HANDLE session_;
  CK_ULONG class_;
  std::string label_;
  std::array<CK_ATTRIBUTE, 2> search_ = {{{CKA_CLASS, &class_, sizeof class_},
                                          {CKA_LABEL, label_.data(), static_cast<CK_ULONG>(label_.size())}}};
  std::array<CK_OBJECT_HANDLE, 256> found_{};
};

}  // namespace

std::unique_ptr<Operation> makeOperation(const Module& module, CK_SESSION_HANDLE session,
                                         CK_OBJECT_HANDLE key, const Command& command) {
  const std::string& call = command.text("call");
  if (call == "random") return std::make_unique<Random>(module, session, command);
  if (call == "session-info") return std::make_unique<SessionInfo>(module, session);
  if (call == "digest-stream") return std::make_unique<Stream>(module, session, command);
  if (call == "find") return std::make_unique<Find>(module, session, command);
  if (call == "sign" || call == "digest" || call == "encrypt")
    return std::make_unique<Transformation>(module, session, key, command);
  throw std::runtime_error("no such call: " + call);
}
