// A session that this process has open.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "generated/operation_kinds.h"
#include "module/session_name.h"
#include "module/state_version.h"
#include "module/token_state.h"
#include "runtime/session_queue.h"

namespace cryptoki {

class Attachment;
class OperationParameter;

class Session {
 public:
  Session(CK_SESSION_HANDLE handle, std::shared_ptr<TokenState> token, bool readWrite,
          std::weak_ptr<Attachment> attachment)
      : handle_(handle),
        serial_(nextSerial()),
        token_(std::move(token)),
        attachment_(std::move(attachment)),
        readWrite_(readWrite),
        queue_(std::make_shared<SessionQueue>(token_->workload)) {}

  CK_SESSION_HANDLE handle() const { return handle_; }
  // Modules reuse the handle of a closed session; a serial is never reused.
  std::uint64_t serial() const { return serial_; }
  SessionName name() const { return {handle_, serial_}; }
  TokenState& token() const { return *token_; }
  // The attachment that opened the session.
  std::shared_ptr<Attachment> attachment() const { return attachment_.lock(); }
  bool readWrite() const { return readWrite_; }
  CK_STATE state() const { return token_->state(readWrite_); }
  SessionQueue& queue() const { return *queue_; }

  // False after the session was closed, by us or, as far as we know, by the module. Do not use its handle
  // then: the module may have given the number to another session.
  bool isOpen() const { return open_.load(); }
  void markClosed() {
    if (open_.exchange(false)) stateChanged();
  }

  // The operations (CKF_SIGN ...) that may have stayed active after an error (see calls/end_operations.h).
  // Used only by the job that holds the session.
  CK_FLAGS unended = 0;

  // The mechanism of the latest C_SignInit. Used only by the job that holds the session.
  CK_MECHANISM_TYPE signing = CK_UNAVAILABLE_INFORMATION;

  // The parameters of the current operations; the module may use them until the operations end. Used only by
  // the job that holds the session.
  std::array<std::shared_ptr<OperationParameter>, kOperationKinds> parameters;
  std::shared_ptr<OperationParameter>& parameter(OperationKind kind) {
    return parameters.at(static_cast<std::size_t>(kind));
  }

  // Memory of calls whose operation continues in the module (CKR_PENDING). The module writes into it until
  // the session is closed. Used only by the job that holds the session.
  std::vector<std::shared_ptr<void>> pending;

 private:
  static std::uint64_t nextSerial() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
  }

  CK_SESSION_HANDLE handle_;
  std::uint64_t serial_;
  std::shared_ptr<TokenState> token_;
  std::weak_ptr<Attachment> attachment_;
  bool readWrite_;
  std::atomic<bool> open_{true};
  std::shared_ptr<SessionQueue> queue_;
};

}  // namespace cryptoki
