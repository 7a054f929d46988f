// The operations of a key in a token; each one has a session to itself.
#include <array>

#include "calls/init_and_operation.h"
#include "native_keys/key_reference.h"

namespace cryptoki {
namespace {

// Results of modules that are overloaded, or whose session is in use by other software.
bool isBusy(CK_RV rv) {
  switch (rv) {
    case CKR_OPERATION_ACTIVE:
    case CKR_FUNCTION_FAILED:
    case CKR_DEVICE_MEMORY:
    case CKR_HOST_MEMORY:
    case CKR_TOKEN_RESOURCE_EXCEEDED:
      return true;
    default:
      return false;
  }
}

// For a decryption, only the result that does not depend on the data: the duration must not reveal the kind
// of a padding error (a repetition takes longer).
bool isBusyBefore(CK_RV rv) { return rv == CKR_OPERATION_ACTIVE; }

// Init function and operation on this session. Shared, because a module that returns CKR_PENDING still uses
// the memory.
template <class Operation>
std::shared_ptr<InitAndOperation<Operation>> prepared(const std::shared_ptr<Session>& session,
                                                      CK_MECHANISM_TYPE mechanism, const Bytes& parameter,
                                                      CK_OBJECT_HANDLE key, const Bytes& data) {
  auto operation = std::make_shared<InitAndOperation<Operation>>();
  operation->setSession(session);
  operation->init.mechanism.mechanism.set(mechanism, parameter);
  operation->init.key.number = key;
  operation->singlePart.message().bytes = data;
  operation->singlePart.result().prepare(data.size());
  return operation;
}

}  // namespace

Bytes KeyReference::sign(CK_MECHANISM_TYPE mechanism, const Bytes& parameter, const Bytes& data,
                         const std::function<bool(const Bytes&)>& isRight) {
  Bytes signature;
  run(fn::C_Sign::name, isBusy,
      [&](Attachment& attachment, const std::shared_ptr<Session>& session, CK_OBJECT_HANDLE key,
          bool isDoubtful) {
        const auto operation = prepared<operation::Sign>(session, mechanism, parameter, key, data);
        // An Ed448 signature does not fit into the first room for its mechanism.
        if (!parts_.publicKey.is(KeyKind::Ed448)) operation->singlePart.signature.prepareFor(mechanism);
        keepPending(*session, operation, [&] { operation->perform(attachment, session); });
        const auto& out = operation->singlePart.signature;
        signature = Bytes(out.buffer.data(), out.length);
        if (!isDoubtful && isProved()) return;
        if (!isRight(signature)) throw Failure::returned(CKR_KEY_HANDLE_INVALID, fn::C_Sign::name);
        std::lock_guard lock(mutex_);
        losses_ = sessions_->losses();
        if (object_.handle == key) isProved_ = true;
      });
  return signature;
}

Bytes KeyReference::decrypt(CK_MECHANISM_TYPE mechanism, const Bytes& parameter, const Bytes& data) {
  Bytes plain;
  run(fn::C_Decrypt::name, isBusyBefore,
      [&](Attachment& attachment, const std::shared_ptr<Session>& session, CK_OBJECT_HANDLE key,
          bool isDoubtful) {
        if (isDoubtful) throw Failure::returned(CKR_KEY_HANDLE_INVALID, fn::C_Decrypt::name);
        const auto operation = prepared<operation::Decrypt>(session, mechanism, parameter, key, data);
        keepPending(*session, operation, [&] { operation->perform(attachment, session); });
        const auto& out = operation->singlePart.data;
        plain = Bytes(out.buffer.data(), out.length);
      });
  return plain;
}

Bytes KeyReference::derive(const Bytes& peer, std::size_t length) {
  constexpr const char* kDerive = "C_DeriveKey";
  Bytes value;
  run(kDerive, isBusy,
      [&](Attachment& attachment, const std::shared_ptr<Session>& session, CK_OBJECT_HANDLE key,
          bool isDoubtful) {
        if (isDoubtful) throw Failure::returned(CKR_KEY_HANDLE_INVALID, kDerive);
        const auto check = [&](CK_RV rv, const char* function) {
          if (rv == CKR_OK) return;
          noteFailure(attachment, session, rv);
          throw Failure::returned(rv, function);
        };
        Module& module = attachment.module();
        Bytes point = peer;
        CK_ECDH1_DERIVE_PARAMS parameter{};
        parameter.kdf = CKD_NULL;
        parameter.ulPublicDataLen = static_cast<CK_ULONG>(point.size());
        parameter.pPublicData = point.pointer();
        CK_MECHANISM mechanism{};
        mechanism.mechanism = CKM_ECDH1_DERIVE;
        mechanism.pParameter = &parameter;
        mechanism.ulParameterLen = sizeof parameter;
        CK_ULONG secretKey = CKO_SECRET_KEY;
        CK_ULONG generic = CKK_GENERIC_SECRET;
        CK_BBOOL yes = CK_TRUE;
        CK_BBOOL no = CK_FALSE;
        auto bytes = static_cast<CK_ULONG>(length);
        const auto attribute = [](CK_ATTRIBUTE_TYPE type, auto& memory) {
          CK_ATTRIBUTE entry{};
          entry.type = type;
          entry.pValue = &memory;
          entry.ulValueLen = sizeof memory;
          return entry;
        };
        std::array<CK_ATTRIBUTE, 7> wanted{attribute(CKA_CLASS, secretKey), attribute(CKA_KEY_TYPE, generic),
                                           attribute(CKA_TOKEN, no),        attribute(CKA_PRIVATE, no),
                                           attribute(CKA_SENSITIVE, no),    attribute(CKA_EXTRACTABLE, yes),
                                           attribute(CKA_VALUE_LEN, bytes)};
        CK_OBJECT_HANDLE secret = 0;
        check(
            module.call<&CK_FUNCTION_LIST_3_2::C_DeriveKey>(session->handle(), &mechanism, key, wanted.data(),
                                                            static_cast<CK_ULONG>(wanted.size()), &secret),
            kDerive);
        value = Bytes(length);
        CK_ATTRIBUTE read{};
        read.type = CKA_VALUE;
        read.pValue = value.data();
        read.ulValueLen = static_cast<CK_ULONG>(value.size());
        const CK_RV rv = module.call<&CK_FUNCTION_LIST_3_2::C_GetAttributeValue>(session->handle(), secret,
                                                                                 &read, CK_ULONG{1});
        module.call<&CK_FUNCTION_LIST_3_2::C_DestroyObject>(session->handle(), secret);
        check(rv, "C_GetAttributeValue");
        if (read.ulValueLen != length) throw Failure::returned(CKR_GENERAL_ERROR, kDerive);
      });
  return value;
}

}  // namespace cryptoki
