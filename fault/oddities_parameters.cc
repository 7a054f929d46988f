// Deviations in the parameters of mechanisms.
#include <array>
#include <cstddef>
#include <cstring>
#include <random>

#include "fault/oddities.h"

namespace cryptoki::fault {
namespace {

// Both forms of the parameter begin with the same fields.
bool hasIv(const CK_MECHANISM* mechanism) {
  return mechanism != nullptr && mechanism->mechanism == CKM_AES_GCM && mechanism->pParameter != nullptr &&
         (mechanism->ulParameterLen == sizeof(CK_GCM_PARAMS) ||
          mechanism->ulParameterLen == sizeof(CK_GCM_PARAMS_COMPAT));
}

std::vector<CK_BYTE> randomBytes(std::size_t count) {
  std::random_device source;
  std::vector<CK_BYTE> result(count);
  for (auto& byte : result) byte = static_cast<CK_BYTE>(source());
  return result;
}

// `isAtOnce`: the program sees the IV already after this call.
CK_RV beginWithOwnIv(OddCall& odd, bool isAtOnce) {
  auto& mechanism = std::get<1>(odd.arguments<Function::C_EncryptInit>());
  OddMemory& memory = odd.memory();
  memory.ivTarget = nullptr;
  if (!hasIv(mechanism)) return odd.proceed();
  constexpr std::size_t kPointer = offsetof(CK_GCM_PARAMS, pIv);
  constexpr std::size_t kLength = offsetof(CK_GCM_PARAMS, ulIvLen);
  static_assert(kPointer == offsetof(CK_GCM_PARAMS_COMPAT, pIv));
  static_assert(kLength == offsetof(CK_GCM_PARAMS_COMPAT, ulIvLen));

  const auto* program = static_cast<const CK_BYTE*>(mechanism->pParameter);
  std::vector<CK_BYTE> parameter(program, program + mechanism->ulParameterLen);
  CK_ULONG length = 0;
  CK_BYTE* target = nullptr;
  std::memcpy(&length, &parameter[kLength], sizeof length);
  std::memcpy(&target, &parameter[kPointer], sizeof target);
  if (target == nullptr || length == 0) return odd.proceed();

  memory.iv = randomBytes(length);
  CK_BYTE* const iv = memory.iv.data();
  std::memcpy(&parameter[kPointer], &iv, sizeof iv);
  CK_MECHANISM copy = *mechanism;
  copy.pParameter = parameter.data();
  const Replaced ours(mechanism, &copy);
  const CK_RV rv = odd.proceed();
  if (rv == CKR_OK && isAtOnce) std::memcpy(target, iv, length);
  if (rv == CKR_OK && !isAtOnce) memory.ivTarget = target;
  return rv;
}

// Writes to the memory that the program passed to C_EncryptInit: the test checks that it still exists.
CK_RV writeIv(OddCall& odd) {
  const CK_RV rv = odd.proceed();
  OddMemory& memory = odd.memory();
  if (rv != CKR_OK || !odd.call().fetches() || memory.ivTarget == nullptr) return rv;
  std::memcpy(memory.ivTarget, memory.iv.data(), memory.iv.size());
  memory.ivTarget = nullptr;
  return rv;
}

CK_RV makeIv(OddCall& odd) {
  return odd.function() == Function::C_EncryptInit ? beginWithOwnIv(odd, false) : writeIv(odd);
}

CK_RV makeIvInInit(OddCall& odd) { return beginWithOwnIv(odd, true); }

constexpr std::array kActions{
    OddityAction{Oddity::GcmIvFromModule, &makeIv},
    OddityAction{Oddity::GcmIvInInit, &makeIvInInit},
};

}  // namespace

std::span<const OddityAction> parameterOddities() { return kActions; }

}  // namespace cryptoki::fault
