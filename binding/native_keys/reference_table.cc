#include "native_keys/reference_table.h"

#include <map>
#include <mutex>
#include <random>
#include <tuple>
#include <utility>
#include <vector>

#include "native_keys/key_reference.h"

namespace cryptoki {
namespace {

struct Name {
  std::weak_ptr<KeyReference> reference;
  std::shared_ptr<KeyReference> held;  // while there are claims
  std::size_t claims = 0;
};

// The destructor of a reference locks the table. So a reference must not be destroyed while the table is
// locked: move it out of the table first and destroy it after the unlock.
struct Table {
  std::mutex mutex;
  std::map<std::string, Name, std::less<>> names;
  std::map<std::tuple<Attachment*, CK_SLOT_ID, bool>, std::weak_ptr<TokenSessions>> sessions;
};

Table& table() {
  static Table& only = *new Table;  // NOLINT(cppcoreguidelines-owning-memory)
  return only;
}

std::string randomText(std::size_t words) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::random_device device;
  std::string text;
  for (std::size_t i = 0; i < words; ++i) {
    const std::uint32_t word = device();
    for (unsigned shift = 0; shift < 32; shift += 4) text.push_back(kDigits[(word >> shift) & 0xF]);
  }
  return text;
}

}  // namespace

namespace reference_table {

void add(const std::shared_ptr<KeyReference>& reference) {
  std::vector<std::shared_ptr<KeyReference>> over;
  std::lock_guard lock(table().mutex);
  for (auto& [id, name] : table().names) {
    if (!name.held || !name.held->isOver()) continue;
    over.push_back(name.held);
    name.held.reset();
    name.claims = 0;
  }
  table().names.emplace(reference->id(), Name{reference, reference, 1});
}

std::shared_ptr<KeyReference> find(std::string_view id) {
  std::lock_guard lock(table().mutex);
  const auto found = table().names.find(id);
  return found == table().names.end() ? nullptr : found->second.reference.lock();
}

bool claim(std::string_view id) {
  std::shared_ptr<KeyReference> alive;
  std::lock_guard lock(table().mutex);
  const auto found = table().names.find(id);
  if (found == table().names.end()) return false;
  alive = found->second.reference.lock();
  if (!alive) return false;
  found->second.held = alive;
  ++found->second.claims;
  return true;
}

void unclaim(std::string_view id) {
  std::shared_ptr<KeyReference> last;
  std::lock_guard lock(table().mutex);
  const auto found = table().names.find(id);
  if (found == table().names.end() || found->second.claims == 0) return;
  if (--found->second.claims == 0) last = std::move(found->second.held);
}

void erase(std::string_view id) noexcept {
  std::shared_ptr<KeyReference> last;
  std::lock_guard lock(table().mutex);
  const auto found = table().names.find(id);
  if (found == table().names.end()) return;
  last = std::move(found->second.held);
  table().names.erase(found);
}

const std::string& prefix() {
  static const std::string& only =
      *new std::string(randomText(2));  // NOLINT(cppcoreguidelines-owning-memory)
  return only;
}

std::string newName() { return prefix() + randomText(8); }

}  // namespace reference_table

std::shared_ptr<TokenSessions> sessionsFor(const std::shared_ptr<Attachment>& attachment, CK_SLOT_ID slot,
                                           bool readWrite) {
  std::lock_guard lock(table().mutex);
  auto& all = table().sessions;
  std::erase_if(all, [](const auto& entry) { return entry.second.expired(); });
  auto& weak = all[{attachment.get(), slot, readWrite}];
  auto sessions = weak.lock();
  if (!sessions) weak = sessions = std::make_shared<TokenSessions>(attachment, slot, readWrite);
  return sessions;
}

}  // namespace cryptoki
