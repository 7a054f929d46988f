// Keeps the parameter of a multi-part operation alive until the operation ends: a module may read it after
// the Init function, and AWS CloudHSM writes the generated IV into it during C_Encrypt.
#pragma once

#include <type_traits>
#include <utility>

#include "generated/calls.h"
#include "module/session.h"

namespace cryptoki {

constexpr std::size_t kEd25519Signature = 64;

// The position of a function in an operation.
enum class Place : unsigned char { None, Begins, GoesOn, Ends };

template <class Function>
struct OperationPlace {
  static constexpr Place place = Place::None;
  static constexpr OperationKind kind{};
};

#define CRYPTOKI_PLACE(function, operation, where)                  \
  template <>                                                       \
  struct OperationPlace<fn::function> {                             \
    static constexpr Place place = Place::where;                    \
    static constexpr OperationKind kind = OperationKind::operation; \
  };
CRYPTOKI_PLACE(C_EncryptInit, Encrypt, Begins)
CRYPTOKI_PLACE(C_Encrypt, Encrypt, Ends)
CRYPTOKI_PLACE(C_EncryptUpdate, Encrypt, GoesOn)
CRYPTOKI_PLACE(C_EncryptFinal, Encrypt, Ends)
CRYPTOKI_PLACE(C_DigestEncryptUpdate, Encrypt, GoesOn)
CRYPTOKI_PLACE(C_SignEncryptUpdate, Encrypt, GoesOn)
CRYPTOKI_PLACE(C_DecryptInit, Decrypt, Begins)
CRYPTOKI_PLACE(C_Decrypt, Decrypt, Ends)
CRYPTOKI_PLACE(C_DecryptUpdate, Decrypt, GoesOn)
CRYPTOKI_PLACE(C_DecryptFinal, Decrypt, Ends)
CRYPTOKI_PLACE(C_DigestInit, Digest, Begins)
CRYPTOKI_PLACE(C_Digest, Digest, Ends)
CRYPTOKI_PLACE(C_DigestFinal, Digest, Ends)
CRYPTOKI_PLACE(C_SignInit, Sign, Begins)
CRYPTOKI_PLACE(C_Sign, Sign, Ends)
CRYPTOKI_PLACE(C_SignFinal, Sign, Ends)
CRYPTOKI_PLACE(C_SignRecoverInit, SignRecover, Begins)
CRYPTOKI_PLACE(C_SignRecover, SignRecover, Ends)
CRYPTOKI_PLACE(C_VerifyInit, Verify, Begins)
CRYPTOKI_PLACE(C_Verify, Verify, Ends)
CRYPTOKI_PLACE(C_VerifyFinal, Verify, Ends)
CRYPTOKI_PLACE(C_VerifyRecoverInit, VerifyRecover, Begins)
CRYPTOKI_PLACE(C_VerifyRecover, VerifyRecover, Ends)
CRYPTOKI_PLACE(C_VerifySignatureInit, VerifySignature, Begins)
CRYPTOKI_PLACE(C_VerifySignature, VerifySignature, Ends)
CRYPTOKI_PLACE(C_VerifySignatureFinal, VerifySignature, Ends)
CRYPTOKI_PLACE(C_MessageEncryptInit, MessageEncrypt, Begins)
CRYPTOKI_PLACE(C_MessageEncryptFinal, MessageEncrypt, Ends)
CRYPTOKI_PLACE(C_MessageDecryptInit, MessageDecrypt, Begins)
CRYPTOKI_PLACE(C_MessageDecryptFinal, MessageDecrypt, Ends)
CRYPTOKI_PLACE(C_MessageSignInit, MessageSign, Begins)
CRYPTOKI_PLACE(C_MessageSignFinal, MessageSign, Ends)
CRYPTOKI_PLACE(C_MessageVerifyInit, MessageVerify, Begins)
CRYPTOKI_PLACE(C_MessageVerifyFinal, MessageVerify, Ends)
CRYPTOKI_PLACE(C_EncryptMessageBegin, MessagePart, Begins)
CRYPTOKI_PLACE(C_DecryptMessageBegin, MessagePart, Begins)
CRYPTOKI_PLACE(C_SignMessageBegin, MessagePart, Begins)
CRYPTOKI_PLACE(C_VerifyMessageBegin, MessagePart, Begins)
#undef CRYPTOKI_PLACE

// The role of a function's parameter that may have to be kept.
template <class Roles>
role::OperationInput& operationInput(Roles& roles) {
  role::OperationInput* found = nullptr;
  const auto look = [&found](auto& role) {
    if constexpr (std::is_base_of_v<role::OperationInput, std::decay_t<decltype(role)>>) found = &role;
  };
  std::apply([&](auto&... role) { (look(role), ...); }, roles);
  return *found;
}

// Makes the call; keeps the parameter of the operation, copies back what the module wrote, and drops it at
// the end of the operation. After an error it is kept until the next operation or the end of the session,
// because some modules do not end a failed operation.
template <class Function, class Roles, class Invoke>
CK_RV aroundOperation(Roles& roles, Invoke&& invoke) {
  constexpr Place place = OperationPlace<Function>::place;
  if constexpr (place == Place::None) {
    return invoke();
  } else {
    auto& session = std::get<0>(roles);
    auto& parameter = session.session->parameter(OperationPlace<Function>::kind);
    if constexpr (place == Place::Begins) {
      const auto kept = operationInput(roles).keep();
      const CK_RV rv = invoke();
      kept->capture();
      if (rv == CKR_OK || rv == CKR_PENDING) parameter = kept;
      return rv;
    } else {
      const CK_RV rv = invoke();
      if (!parameter) return rv;
      if (parameter->memory().writesBack()) {
        parameter->capture();
        session.parameter = parameter;
      }
      if (place == Place::Ends && rv == CKR_OK) parameter.reset();
      return rv;
    }
  }
}

}  // namespace cryptoki
