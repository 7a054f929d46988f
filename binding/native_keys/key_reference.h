// A private key in a token, as the OpenSSL provider uses it: its object, and the attachment and sessions for
// its operations.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "native_keys/token_sessions.h"
#include "openssl/software_key.h"

namespace cryptoki {

class Channel;
class Job;

// The position of the key, as JavaScript last found it.
struct KeyObjectHandle {
  CK_SLOT_ID slot = 0;
  CK_OBJECT_HANDLE handle = 0;
  bool isPrivate = true;          // becomes invalid with the logout
  bool readWrite = false;         // the kind of its sessions
  std::shared_ptr<Session> home;  // session to borrow if the token allows no other; may be null
};

// Shared by the OpenSSL keys made from it and by claims to its name; destroyed with the last of them. Then it
// releases the attachment and the sessions, and notifies JavaScript.
class KeyReference : public std::enable_shared_from_this<KeyReference> {
 public:
  struct Parts {
    std::shared_ptr<Attachment> attachment;
    KeyObjectHandle object;
    std::set<CK_MECHANISM_TYPE> mechanisms;
    SoftwareKey publicKey;
    // Receives requests to find the key again, and the end of the reference. Without a channel nothing is
    // reported.
    std::shared_ptr<Channel> channel;
    std::uint64_t watch = 0;
  };

  // Creates a reference and adds it to the table of the process, with one claim. JavaScript thread only.
  static std::shared_ptr<KeyReference> create(Parts parts);

  KeyReference(std::string id, Parts parts);
  KeyReference(const KeyReference&) = delete;
  KeyReference& operator=(const KeyReference&) = delete;
  ~KeyReference();

  // Random; any code that has the id can use the key within this process.
  const std::string& id() const { return id_; }
  const SoftwareKey& publicKey() const { return parts_.publicKey; }
  std::uint64_t watch() const { return parts_.watch; }
  bool offers(CK_MECHANISM_TYPE mechanism) const { return parts_.mechanisms.contains(mechanism); }

  // Any thread, without JavaScript. All three throw Failure.

  // C_SignInit, C_Sign. `isRight` verifies a signature with the public key; it is called when the handle
  // might refer to another object now.
  Bytes sign(CK_MECHANISM_TYPE mechanism, const Bytes& parameter, const Bytes& data,
             const std::function<bool(const Bytes&)>& isRight);
  // C_DecryptInit, C_Decrypt.
  Bytes decrypt(CK_MECHANISM_TYPE mechanism, const Bytes& parameter, const Bytes& data);
  // C_DeriveKey, and the value of the derived key, `length` bytes.
  Bytes derive(const Bytes& peer, std::size_t length);

  // Responses of JavaScript. found: the key is at `object`. stale: the key is not at its former position.
  // gaveUp: the key cannot be found. release: the reference must not be used any more.
  void found(const KeyObjectHandle& object);
  void stale();
  void gaveUp();
  void release();
  // Returns true when its module was closed.
  bool isOver() const;
  void closeIdleSessions(TokenSessions::Clock::time_point since) { sessions()->closeIdle(since); }

 private:
  struct Seen {
    CK_OBJECT_HANDLE handle;
    std::uint64_t revision;
    std::shared_ptr<TokenSessions> sessions;
    std::shared_ptr<Session> home;
    bool isDoubtful;
    std::optional<Failure> stale;  // reason why the handle is invalid
  };
  // Returns true when a result means that the module is busy: the operation is repeated once.
  using IsBusy = bool (*)(CK_RV rv);
  // An operation on a session that the caller holds alone. Throws Failure.
  using Operation =
      std::function<void(Attachment&, const std::shared_ptr<Session>&, CK_OBJECT_HANDLE, bool isDoubtful)>;

  void run(const char* function, IsBusy isBusy, const Operation& operation);
  void attempt(const Seen& seen, const char* function, const Operation& operation,
               TokenSessions::Clock::time_point deadline);
  Seen look(const char* function);
  bool ask(const Seen& seen, const Failure& failure, TokenSessions::Clock::time_point deadline);
  std::shared_ptr<TokenSessions> sessions();
  void settle(const KeyObjectHandle& object);
  bool isProved();

  const std::string id_;
  const Parts parts_;
  const Attachment::Keep keep_;
  std::shared_ptr<Job> farewell_;  // created in advance: the destructor must not need memory
  const std::thread::id owner_ = std::this_thread::get_id();

  std::mutex mutex_;
  std::condition_variable answered_;
  KeyObjectHandle object_;
  std::shared_ptr<TokenState> token_;
  std::shared_ptr<TokenSessions> sessions_;
  std::uint64_t epoch_ = 0;     // of the login, when object_ was found
  std::uint64_t losses_ = 0;    // of sessions_, when object_ was known to be valid
  std::uint64_t revision_ = 0;  // increases with each found()
  std::uint64_t answers_ = 0;
  std::optional<Failure> stale_;  // reason why object_ must not be used
  bool isProved_ = true;  // object_ is the private key; false after found(), until a signature was verified
  bool isAsked_ = false;
  bool isReleased_ = false;
};

}  // namespace cryptoki
