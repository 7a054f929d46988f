// A private key in a token, as the OpenSSL provider uses it: which object, through whose attachment, with
// which sessions.
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

// Where the key is, as JavaScript saw it last.
struct KeyObjectHandle {
  CK_SLOT_ID slot = 0;
  CK_OBJECT_HANDLE handle = 0;
  bool isPrivate = true;          // dies with the login
  bool readWrite = false;         // how its sessions are opened
  std::shared_ptr<Session> home;  // used where the token allows no other; may be null
};

// It goes with the last key of OpenSSL's that was made from it and the last claim to its name. What it holds
// goes with it: the attachment, the sessions, and JavaScript is told.

class KeyReference : public std::enable_shared_from_this<KeyReference> {
 public:
  struct Parts {
    std::shared_ptr<Attachment> attachment;
    KeyObjectHandle object;
    std::set<CK_MECHANISM_TYPE> mechanisms;
    SoftwareKey publicKey;
    // Whom to ask when something was lost, and to tell of the end; without a channel nobody is.
    std::shared_ptr<Channel> channel;
    std::uint64_t watch = 0;
  };

  // Makes one and enters it in the table of the process, with one claim; on the JavaScript thread.
  static std::shared_ptr<KeyReference> create(Parts parts);

  KeyReference(std::string id, Parts parts);
  KeyReference(const KeyReference&) = delete;
  KeyReference& operator=(const KeyReference&) = delete;
  ~KeyReference();

  // Random; whoever knows it can use the key within this process.
  const std::string& id() const { return id_; }
  const SoftwareKey& publicKey() const { return parts_.publicKey; }
  std::uint64_t watch() const { return parts_.watch; }
  bool offers(CK_MECHANISM_TYPE mechanism) const { return parts_.mechanisms.contains(mechanism); }

  // Any thread, without JavaScript. They throw Failure.

  // C_SignInit, C_Sign. `isRight` checks a signature against the public key; it is asked when the handle
  // might mean another object by now.
  Bytes sign(CK_MECHANISM_TYPE mechanism, const Bytes& parameter, const Bytes& data,
             const std::function<bool(const Bytes&)>& isRight);
  // C_DecryptInit, C_Decrypt.
  Bytes decrypt(CK_MECHANISM_TYPE mechanism, const Bytes& parameter, const Bytes& data);
  // C_DeriveKey, and the value of the key that it makes, `length` bytes.
  Bytes derive(const Bytes& peer, std::size_t length);

  // JavaScript's answers. Found again: `object` is where it is. Stale: it is not where it was. Gave up: it
  // cannot be found. Released: nobody may use it any more.
  void found(const KeyObjectHandle& object);
  void stale();
  void gaveUp();
  void release();
  // Whether its module was closed.
  bool isOver() const;
  void closeIdleSessions(TokenSessions::Clock::time_point since) { sessions()->closeIdle(since); }

 private:
  struct Seen {
    CK_OBJECT_HANDLE handle;
    std::uint64_t revision;
    std::shared_ptr<TokenSessions> sessions;
    std::shared_ptr<Session> home;
    bool isDoubtful;
    std::optional<Failure> stale;  // why the handle is of no use
  };
  // Whether an answer of the module says that it is busy: the operation is done once more.
  using IsBusy = bool (*)(CK_RV rv);
  // What is done with a session of one's own. Throws Failure.
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
  std::shared_ptr<Job> farewell_;  // made beforehand: the end must not need memory
  const std::thread::id owner_ = std::this_thread::get_id();

  std::mutex mutex_;
  std::condition_variable answered_;
  KeyObjectHandle object_;
  std::shared_ptr<TokenState> token_;
  std::shared_ptr<TokenSessions> sessions_;
  std::uint64_t epoch_ = 0;     // of the login, when object_ was seen
  std::uint64_t losses_ = 0;    // of sessions_, when object_ was known to be right
  std::uint64_t revision_ = 0;  // grows with each found()
  std::uint64_t answers_ = 0;
  std::optional<Failure> stale_;  // why object_ is not to be used
  bool isProved_ = true;  // object_ has the private key; false when it was found anew, until it has signed
  bool isAsked_ = false;
  bool isReleased_ = false;
};

}  // namespace cryptoki
