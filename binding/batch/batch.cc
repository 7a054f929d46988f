// signMany, verifyMany, digestMany, encryptMany, decryptMany: one operation on many messages, in a loop
// within one job. Failures are reported per message, so one failure does not lose the other results.
#include <chrono>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "batch/packed.h"
#include "calls/init_and_operation.h"
#include "calls/raw_module.h"
#include "marshal/collect.h"

namespace cryptoki {
namespace {

// The roles of a single-part function for one message of a batch.
template <class Result>
class MessageRoles {
 public:
  role::Session session;
  View& message() { return message_; }
  Result& result() { return result_; }
  static auto tie(auto& roles) { return std::tie(roles.session, roles.message_, roles.result_); }

 private:
  View message_;
  Result result_;
};

// (session, mechanism, key, data, offsets, [signatures, their offsets], [digest]); digestMany has no key. For
// encrypt and decrypt `mechanism` may be an array with one mechanism per message.
// -> { count, failures: [{ index, error }], time } and { data, offsets }, or { valid: Uint8Array } for
// verifyMany. `count` is the number of messages tried: less than all when the session was lost.
template <class Operation>
class Batch final : public Job {
 public:
  static constexpr const char* name = Operation::SinglePart::name;
  static constexpr bool verifies = isVerify<Operation>;
  static constexpr bool ciphers =
      std::is_same_v<Operation, operation::Encrypt> || std::is_same_v<Operation, operation::Decrypt>;
  static constexpr bool hasKey = !isDigest<Operation>;

  Batch(std::shared_ptr<Attachment> attachment, const Napi::CallbackInfo& info)
      : attachment_(std::move(attachment)) {
    const auto argument = [this](const char* what) { return Argument{*attachment_, name, what}; };
    role::Session session;
    session.read(info[0], argument("session"));
    session_ = session.session;
    const std::vector<Napi::Value> list = listOf(info[1], argument("mechanism"));
    const bool several = !list.empty();
    const std::size_t mechanisms = several ? list.size() : 1;
    role::Object key;
    if (hasKey) key.read(info[2], argument("key"));
    std::size_t next = hasKey ? 3 : 2;
    messages_.read(info[next], info[next + 1], argument("messages"));
    next += 2;
    if constexpr (verifies) {
      signatures_.read(info[next], info[next + 1], argument("signatures"));
      if (signatures_.count() != messages_.count())
        argument("signatures").outOfRange("as many as there are messages");
      next += 2;
    }
    if (several && mechanisms != messages_.count())
      argument("mechanism").outOfRange("as many as there are messages");
    for (std::size_t i = 0; i < mechanisms; ++i) {
      auto prepared = std::make_unique<Prepared>();
      prepared->setSession(session_);
      const Napi::Value value = several ? list[i] : info[1];
      auto& mechanism = prepared->init.mechanism.mechanism;
      mechanism.readFlat(value, several ? argument("mechanism").element(i) : argument("mechanism"), !several);
      if (several && mechanism.writesBack()) writesBack_ = true;
      if constexpr (hasKey) prepared->init.key.number = key.number;
      prepared_.push_back(std::move(prepared));
    }
    if (writesBack_) list_.hold(info[1].As<Napi::Object>());
    if constexpr (isSign<Operation> || verifies) {
      if (!info[next].IsUndefined()) digestFirst_.emplace(info[next], argument("digest"));
    }
  }

  std::shared_ptr<Session> session() const { return session_; }
  bool isRefusable() const override { return true; }

  void execute() override {
    if (!session_->isOpen())
      return fail(Failure::returned(CKR_SESSION_HANDLE_INVALID, Operation::Init::name));
    const auto begun = std::chrono::steady_clock::now();
    const std::size_t count = messages_.count();
    if constexpr (verifies) {
      valid_.reserve(count);
    } else {
      constexpr std::size_t kExpected = 64;  // a digest or a P-256 signature; the memory grows if needed
      results_.reserve(kExpected * count, count);
    }
    bool isPending = false;
    for (; tried_ < count && session_->isOpen() && !isPending; ++tried_) {
      try {
        keepPending(*session_, shared_from_this(),
                    [this] { perform(*prepared_[prepared_.size() > 1 ? tried_ : 0]); });
      } catch (Failure& failure) {
        isPending = failure.rv == CKR_PENDING;
        failures_.emplace_back(tried_, std::move(failure));
        if constexpr (verifies)
          valid_.push_back(0);
        else
          results_.append(nullptr, 0);
      }
    }
    if (!isPending) {  // the module still uses the memory
      messages_.clear();
      Bytes::keepScratch(std::move(output_.buffer));
    }
    time_ = std::chrono::steady_clock::now() - begun;
  }

 protected:
  Napi::Value value(Napi::Env env) override {
    auto object = Napi::Object::New(env);
    object.Set("count", Napi::Number::New(env, static_cast<double>(tried_)));
    auto failures = Napi::Array::New(env, failures_.size());
    for (std::uint32_t i = 0; i < failures_.size(); ++i) {
      auto failure = Napi::Object::New(env);
      failure.Set("index", Napi::Number::New(env, static_cast<double>(failures_[i].first)));
      failure.Set("error", Environment::of(env).error(failures_[i].second));
      failures.Set(i, failure);
    }
    object.Set("failures", failures);
    object.Set("time", Napi::Number::New(env, time_.count()));
    if constexpr (verifies) {
      auto valid = Napi::Uint8Array::New(env, valid_.size());
      std::copy(valid_.begin(), valid_.end(), valid.Data());
      object.Set("valid", valid);
    } else {
      results_.setIn(object);
    }
    return object;
  }
  void settle(Napi::Env /*env*/, bool succeeded) override {
    for (auto& prepared : prepared_) settleRoles(prepared->init, succeeded);
    const Napi::Object list = list_.take();
    for (std::uint32_t i = 0; writesBack_ && succeeded && i < tried_; ++i) {
      const auto& mechanism = prepared_[i]->init.mechanism.mechanism;
      if (!mechanism.writesBack()) continue;
      const Napi::Value parameter = parameterIn(list.Get(i));
      if (parameter.IsObject()) mechanism.writeBack(parameter.As<Napi::Object>());
    }
  }

 private:
  using Prepared =
      InitAndOperation<Operation, MessageRoles<std::conditional_t<verifies, View, role::OutBytes>>>;

  // The elements of an array with one mechanism per message; empty when one mechanism is used for all. A flat
  // mechanism (MechanismMemory::readFlat) is also an array, but begins with a number.
  static std::vector<Napi::Value> listOf(Napi::Value mechanism, const Argument& argument) {
    if (!ciphers || !mechanism.IsArray()) return {};
    auto elements = elementsOf(mechanism, argument, "mechanisms");
    if (!elements.empty() && elements.front().IsNumber()) elements.clear();
    return elements;
  }
  static Napi::Value parameterIn(Napi::Value mechanism) {
    if (!mechanism.IsObject()) return mechanism;  // the caller has changed the list in the meantime
    const auto object = mechanism.As<Napi::Object>();
    return mechanism.IsArray() ? object.Get(std::uint32_t{2}) : object.Get("parameter");
  }

  void perform(Prepared& prepared) {
    View message = messages_.at(tried_);
    Bytes digest;
    if (digestFirst_) {
      digest = Bytes(message.pointer, message.size);
      digestFirst_->replace(digest, *attachment_, session_);
      message.pointer = digest.pointer();
      message.size = static_cast<CK_ULONG>(digest.size());
    }
    prepared.singlePart.message() = message;
    if constexpr (verifies) {
      prepared.singlePart.result() = signatures_.at(tried_);
      valid_.push_back(prepared.perform(*attachment_, session_) == CKR_OK ? 1 : 0);
    } else {
      auto& output = prepared.singlePart.result();
      std::swap(output, output_);  // reuse the buffer size that the previous message needed
      prepare(output, prepared.init.mechanism.mechanism.type(), ciphers ? message.size : 0);
      try {
        prepared.perform(*attachment_, session_);
      } catch (const Failure& failure) {
        if (failure.rv != CKR_PENDING) output = {};  // the module may have written into it
        throw;
      }
      results_.append(output.buffer.data(), output.length);
      wipe(output.buffer.data(), output.length);  // modules must receive zeroed memory
      std::swap(output, output_);
    }
  }

  // Prepares a buffer as large as earlier results needed, and large enough for a result of `growth` bytes.
  static void prepare(role::OutBytes& output, CK_MECHANISM_TYPE mechanism, std::size_t growth) {
    output.attempts = 0;
    if (output.buffer.size() > growth && !output.buffer.empty()) return;
    output.buffer = Bytes();
    output.prepare(growth);
    output.prepareFor(mechanism);
  }

  std::shared_ptr<Attachment> attachment_;
  std::shared_ptr<Session> session_;
  std::vector<std::unique_ptr<Prepared>> prepared_;  // one for all messages, or one for each
  WriteBackTarget list_;                             // array of mechanisms, if the module may write into one
  bool writesBack_ = false;
  role::OutBytes output_;  // result buffer, reused for each message
  std::optional<DigestFirst> digestFirst_;
  Packed messages_;
  Packed signatures_;
  Packed results_;
  std::vector<std::uint8_t> valid_;
  std::vector<std::pair<std::size_t, Failure>> failures_;
  std::size_t tried_ = 0;
  std::chrono::duration<double, std::milli> time_{};
};

}  // namespace

void defineBatches(std::vector<RawModule::Method>& methods) {
  defineJob<Batch<operation::Sign>>(methods, "signMany");
  defineJob<Batch<operation::Verify>>(methods, "verifyMany");
  defineJob<Batch<operation::Digest>>(methods, "digestMany");
  defineJob<Batch<operation::Encrypt>>(methods, "encryptMany");
  defineJob<Batch<operation::Decrypt>>(methods, "decryptMany");
}

}  // namespace cryptoki
