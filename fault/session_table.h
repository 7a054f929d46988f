// The sessions of programs: their handles, which are never reused, and the real sessions behind them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "fault/generated/functions.h"

namespace cryptoki::fault {

// State of a session for oddities. Only the call on the session uses it, except `loggedIn`.
struct OddMemory {
  CK_MECHANISM_TYPE signing = 0;             // of the last C_SignInit
  std::vector<CK_BYTE> iv;                   // replaces the program's IV
  void* ivTarget = nullptr;                  // the program's memory for it; null: written already, or none
  std::optional<CK_OBJECT_HANDLE> repeated;  // the next result of C_FindObjects
  std::atomic<bool> loggedIn{false};         // by this session itself
};

struct Session {
  CK_SESSION_HANDLE handle = 0;  // the program's
  CK_SESSION_HANDLE real = 0;    // the real module's
  CK_SLOT_ID slot = 0;
  std::uint64_t ordinal = 0;

  std::mutex mutex;                 // guards the members below; held for short times only
  std::optional<Function> running;  // the call on this session
  std::optional<CK_RV> lost;        // the result of the call in flight, once the session is lost
  bool isReal = true;               // the real session is open

  OddMemory odd;
};

class SessionTable {
 public:
  SessionTable();

  std::shared_ptr<Session> add(CK_SLOT_ID slot, CK_SESSION_HANDLE real);

  // The session with this handle, including lost ones; null for an unknown or closed handle.
  std::shared_ptr<Session> find(CK_SESSION_HANDLE handle) const;

  // The ordinal of the session that once had this handle; 0 for a handle that was never used.
  std::uint64_t ordinalOf(CK_SESSION_HANDLE handle) const;

  std::vector<std::shared_ptr<Session>> all() const;
  std::vector<std::shared_ptr<Session>> on(CK_SLOT_ID slot) const;

  // Gives a new session, whose handle was not returned yet, the lowest free number as its handle.
  void renumber(Session& session);

  void remove(const Session& session);
  void clear();

  std::uint64_t opened() const { return last_.load(); }

 private:
  CK_SESSION_HANDLE handleOf(std::uint64_t ordinal) const;

  const CK_SESSION_HANDLE mask_;
  std::atomic<std::uint64_t> last_{0};
  mutable std::shared_mutex mutex_;
  std::unordered_map<CK_SESSION_HANDLE, std::shared_ptr<Session>> sessions_;
};

}  // namespace cryptoki::fault
