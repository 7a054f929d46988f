#include "fault/session_table.h"

#include <random>
#include <utility>

namespace cryptoki::fault {
namespace {

// Handles are scrambled ordinals: an odd factor has an inverse (modulo the size of CK_ULONG), so the ordinal
// of a closed session can be computed from its handle without a table.
constexpr CK_ULONG kFactor = static_cast<CK_ULONG>(0x9E3779B97F4A7C15U);

constexpr CK_ULONG inverseOf(CK_ULONG odd) {
  CK_ULONG inverse = odd;  // correct in the lowest three bits; each step doubles the number
  for (int i = 0; i < 6; ++i) inverse *= 2 - odd * inverse;
  return inverse;
}
static_assert(kFactor * inverseOf(kFactor) == 1);

CK_SESSION_HANDLE randomMask() {
  std::random_device source;
  return static_cast<CK_SESSION_HANDLE>((std::uint64_t{source()} << 32U) | source());
}

}  // namespace

SessionTable::SessionTable() : mask_(randomMask()) {}

CK_SESSION_HANDLE SessionTable::handleOf(std::uint64_t ordinal) const {
  return (static_cast<CK_ULONG>(ordinal) * kFactor) ^ mask_;
}

std::uint64_t SessionTable::ordinalOf(CK_SESSION_HANDLE handle) const {
  const CK_ULONG ordinal = (handle ^ mask_) * inverseOf(kFactor);
  return ordinal <= last_.load() && handle != 0 ? ordinal : 0;
}

std::shared_ptr<Session> SessionTable::add(CK_SLOT_ID slot, CK_SESSION_HANDLE real) {
  auto session = std::make_shared<Session>();
  session->slot = slot;
  session->real = real;
  const std::unique_lock lock(mutex_);
  do {
    session->ordinal = last_.fetch_add(1) + 1;
    session->handle = handleOf(session->ordinal);
    // Skip CK_INVALID_HANDLE and handles that renumber() has assigned.
  } while (session->handle == 0 || sessions_.contains(session->handle));
  sessions_.emplace(session->handle, session);
  return session;
}

std::shared_ptr<Session> SessionTable::find(CK_SESSION_HANDLE handle) const {
  const std::shared_lock lock(mutex_);
  const auto found = sessions_.find(handle);
  return found == sessions_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Session>> SessionTable::all() const {
  const std::shared_lock lock(mutex_);
  std::vector<std::shared_ptr<Session>> result;
  for (const auto& [handle, session] : sessions_) result.push_back(session);
  return result;
}

std::vector<std::shared_ptr<Session>> SessionTable::on(CK_SLOT_ID slot) const {
  std::vector<std::shared_ptr<Session>> result = all();
  std::erase_if(result, [&](const auto& session) { return session->slot != slot; });
  return result;
}

void SessionTable::renumber(Session& session) {
  const std::unique_lock lock(mutex_);
  auto node = sessions_.extract(session.handle);
  CK_SESSION_HANDLE free = 1;
  while (sessions_.contains(free) || ordinalOf(free) != 0) ++free;
  session.handle = free;
  node.key() = free;
  sessions_.insert(std::move(node));
}

void SessionTable::remove(const Session& session) {
  const std::unique_lock lock(mutex_);
  sessions_.erase(session.handle);
}

void SessionTable::clear() {
  const std::unique_lock lock(mutex_);
  sessions_.clear();
}

}  // namespace cryptoki::fault
