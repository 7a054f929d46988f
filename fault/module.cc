// The PKCS#11 side of this library: the functions, their lists, and the three exported functions that return
// the lists.
#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "fault/guarded_list.h"
#include "fault/implemented.h"
#include "fault/instance.h"

#ifdef _WIN32
#define CRYPTOKI_FAULT_EXPORT extern "C" __declspec(dllexport)
#else
#define CRYPTOKI_FAULT_EXPORT extern "C" __attribute__((visibility("default")))
#endif

CRYPTOKI_FAULT_EXPORT CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list);
CRYPTOKI_FAULT_EXPORT CK_RV C_GetInterfaceList(CK_INTERFACE* list, CK_ULONG* count);
CRYPTOKI_FAULT_EXPORT CK_RV C_GetInterface(CK_UTF8CHAR* name, CK_VERSION* version, CK_INTERFACE** found,
                                           CK_FLAGS flags);

namespace cryptoki::fault {
namespace {

template <Function F, class Arguments>
Destination destinationOf(const Arguments& arguments) {
  constexpr Shape shape = kShapes[static_cast<std::size_t>(F)];
  Destination result;
  if constexpr (shape.answer != Answer::None) {
    result.data = std::get<shape.position>(arguments);
    if constexpr (shape.answer == Answer::Bytes || shape.answer == Answer::List)
      result.length = std::get<shape.position + 1>(arguments);
    else
      result.count = std::get<shape.position + 1>(arguments);
  }
  return result;
}

template <Function F, class Arguments>
CK_ULONG subjectOf(const Arguments& arguments) {
  if constexpr (kShapes[static_cast<std::size_t>(F)].target != Target::Module)
    return std::get<0>(arguments);
  else
    return 0;
}

template <Function F, class... A>
class Forwarded final : public Call {
 public:
  explicit Forwarded(A... arguments) : Forwarded(std::tuple<A...>(arguments...)) {}
  explicit Forwarded(const std::tuple<A...>& arguments)
      : Call(F, subjectOf<F>(arguments), destinationOf<F>(arguments)), arguments_(arguments) {}

  CK_RV make(CK_SESSION_HANDLE realSession) override {
    if constexpr (!std::is_null_pointer_v<std::remove_const_t<decltype(kImplementation<F>)>>) {
      return std::apply(kImplementation<F>, arguments_);
    } else {
      if constexpr (kShapes[static_cast<std::size_t>(F)].target == Target::Session)
        std::get<0>(arguments_) = realSession;
      return std::apply(
          [](A... arguments) { return Instance::get().loaded().template call<F>(arguments...); }, arguments_);
    }
  }

 protected:
  void* tuple() override { return &arguments_; }
  void changeDestination(void* data, CK_ULONG* length) override {
    constexpr Shape shape = kShapes[static_cast<std::size_t>(F)];
    if constexpr (shape.answer == Answer::Bytes || shape.answer == Answer::List) {
      auto& place = std::get<shape.position>(arguments_);
      place = static_cast<std::remove_reference_t<decltype(place)>>(data);
      std::get<shape.position + 1>(arguments_) = length;
    }
  }

 private:
  std::tuple<A...> arguments_;
};

// The function in the list. No exception may leave it, because the caller is C code.
template <Function F, class Pointer>
struct Entry;
template <Function F, class... A>
struct Entry<F, CK_RV (*CK_FUNCTION_LIST_3_2::*)(A...)> {
  static CK_RV function(A... arguments) noexcept {
    try {
      Forwarded<F, A...> call(arguments...);
      return Instance::get().run(call);
    } catch (const std::bad_alloc&) {
      return CKR_HOST_MEMORY;
    } catch (...) {
      return CKR_GENERAL_ERROR;
    }
  }
};

// A function that the real module does not have stays a null pointer, unless the fault module implements it.
template <Function F>
void fill(CK_FUNCTION_LIST_3_2& list, const CK_FUNCTION_LIST_3_2& real) {
  constexpr auto member = kMember<F>;
  if constexpr (F == Function::C_GetFunctionList)
    list.*member = &C_GetFunctionList;
  else if constexpr (F == Function::C_GetInterfaceList)
    list.*member = &C_GetInterfaceList;
  else if constexpr (F == Function::C_GetInterface)
    list.*member = &C_GetInterface;
  else if (real.*member != nullptr || F == Function::C_WaitForSlotEvent)
    list.*member = &Entry<F, std::remove_const_t<decltype(member)>>::function;
}

template <std::size_t... Index>
CK_FUNCTION_LIST_3_2 listLike(const CK_FUNCTION_LIST_3_2& real, std::index_sequence<Index...> /*all*/) {
  CK_FUNCTION_LIST_3_2 list{};
  (fill<static_cast<Function>(Index)>(list, real), ...);
  return list;
}

// The interfaces, newest first; C_GetFunctionList returns the last one. Lists of older versions are copies of
// the newest, with another version.
struct Interfaces {
  explicit Interfaces(const Real& real) {
    const CK_VERSION newest = real.version();
    std::vector<CK_VERSION> versions;
    if (newest.major >= 3) versions.push_back(newest);
    if (newest.major > 3 || (newest.major == 3 && newest.minor > 0)) versions.push_back({3, 0});
    versions.push_back(newest.major == 2 ? newest : CK_VERSION{2, 40});
    const auto all = listLike(real.list(), std::make_index_sequence<kFunctionCount>());
    lists.assign(versions.size(), all);
    for (std::size_t i = 0; i < versions.size(); ++i) {
      lists[i].version = versions[i];
      interfaces.push_back({name.data(), &lists[i], 0});
    }
  }
  Interfaces(const Interfaces&) = delete;
  Interfaces& operator=(const Interfaces&) = delete;
  ~Interfaces() = default;

  std::array<CK_UTF8CHAR, 8> name{'P', 'K', 'C', 'S', ' ', '1', '1', 0};
  std::vector<CK_FUNCTION_LIST_3_2> lists;
  std::vector<CK_INTERFACE> interfaces;
};

// Null without a real module.
Interfaces* interfaces() noexcept {
  try {
    const Real* real = Instance::get().real();
    if (real == nullptr) return nullptr;
    // Never destroyed: programs keep the pointers.
    static Interfaces* const tables = std::make_unique<Interfaces>(*real).release();
    return tables;
  } catch (...) {
    return nullptr;
  }
}

// The list of SoftHSM 2.7: its version is newer than its memory. Null when the plan does not request it.
CK_FUNCTION_LIST* oddList(const CK_FUNCTION_LIST_3_2& list) noexcept {
  try {
    const OddityBits oddities = Instance::get().odditiesOf(Function::C_GetFunctionList);
    const auto has = [&](Oddity oddity) { return oddities.test(static_cast<std::size_t>(oddity)); };
    if (has(Oddity::ListClaims32)) return guardedList(list, {3, 2});
    return has(Oddity::ListClaims30) ? guardedList(list, {3, 0}) : nullptr;
  } catch (...) {
    return nullptr;
  }
}

// An interface would give the program the correct list, so there are none when the plan requests a wrong one.
bool hasNoInterfaces() noexcept {
  return Instance::get().plans(Oddity::ListClaims32) || Instance::get().plans(Oddity::ListClaims30);
}

}  // namespace
}  // namespace cryptoki::fault

using cryptoki::fault::hasNoInterfaces;
using cryptoki::fault::interfaces;
using cryptoki::fault::oddList;

CRYPTOKI_FAULT_EXPORT CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
  if (list == nullptr) return CKR_ARGUMENTS_BAD;
  auto* all = interfaces();
  if (all == nullptr) return CKR_GENERAL_ERROR;
  auto* odd = oddList(all->lists.back());
  *list = odd != nullptr ? odd : reinterpret_cast<CK_FUNCTION_LIST*>(&all->lists.back());
  return CKR_OK;
}

CRYPTOKI_FAULT_EXPORT CK_RV C_GetInterfaceList(CK_INTERFACE* list, CK_ULONG* count) {
  if (count == nullptr) return CKR_ARGUMENTS_BAD;
  const auto* all = interfaces();
  if (all == nullptr) return CKR_GENERAL_ERROR;
  if (hasNoInterfaces()) return CKR_FUNCTION_NOT_SUPPORTED;
  const CK_ULONG room = *count;
  *count = static_cast<CK_ULONG>(all->interfaces.size());
  if (list == nullptr) return CKR_OK;
  if (room < all->interfaces.size()) return CKR_BUFFER_TOO_SMALL;
  std::copy(all->interfaces.begin(), all->interfaces.end(), list);
  return CKR_OK;
}

CRYPTOKI_FAULT_EXPORT CK_RV C_GetInterface(CK_UTF8CHAR* name, CK_VERSION* version, CK_INTERFACE** found,
                                           CK_FLAGS flags) {
  if (found == nullptr) return CKR_ARGUMENTS_BAD;
  auto* all = interfaces();
  if (all == nullptr) return CKR_GENERAL_ERROR;
  if (hasNoInterfaces()) return CKR_FUNCTION_NOT_SUPPORTED;
  const bool isOurs = name == nullptr || std::string_view(reinterpret_cast<const char*>(name)) == "PKCS 11";
  for (auto& offered : all->interfaces) {
    CK_VERSION has{};
    std::memcpy(&has, offered.pFunctionList, sizeof has);
    const bool fits = version == nullptr || (version->major == has.major && version->minor == has.minor);
    if (!isOurs || !fits || (offered.flags & flags) != flags) continue;
    *found = &offered;
    return CKR_OK;
  }
  return CKR_ARGUMENTS_BAD;
}
