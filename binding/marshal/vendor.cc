#include "marshal/vendor.h"

#include <map>
#include <mutex>
#include <shared_mutex>
#include <utility>

namespace cryptoki {
namespace {

// Entries are never removed or renamed, so the returned names stay valid. Leaked on purpose: native threads
// may use it during the exit of the process.
struct Registry {
  std::shared_mutex mutex;
  std::map<CK_ATTRIBUTE_TYPE, std::pair<AttributeKind, std::string>> attributes;
};

Registry& registry() {
  static Registry& only = *new Registry;  // NOLINT(cppcoreguidelines-owning-memory)
  return only;
}

}  // namespace

void registerAttribute(CK_ATTRIBUTE_TYPE type, AttributeKind kind, const std::string& name) {
  std::unique_lock lock(registry().mutex);
  const auto [place, isNew] = registry().attributes.try_emplace(type, kind, name);
  if (!isNew) place->second.first = kind;
}

AttributeKind vendorAttributeKind(CK_ATTRIBUTE_TYPE type) {
  if (type < CKA_VENDOR_DEFINED) return AttributeKind::Unknown;
  std::shared_lock lock(registry().mutex);
  const auto found = registry().attributes.find(type);
  return found == registry().attributes.end() ? AttributeKind::Unknown : found->second.first;
}

const char* vendorAttributeName(CK_ATTRIBUTE_TYPE type) {
  if (type < CKA_VENDOR_DEFINED) return nullptr;
  std::shared_lock lock(registry().mutex);
  const auto found = registry().attributes.find(type);
  return found == registry().attributes.end() ? nullptr : found->second.second.c_str();
}

}  // namespace cryptoki
