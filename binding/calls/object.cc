// C_GetAttributeValue, which takes several calls, and findObjects: a complete search as one job.
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "calls/call.h"
#include "calls/end_operations.h"
#include "generated/calls.h"

namespace cryptoki {
namespace {

using List = CK_FUNCTION_LIST_3_2;

CK_RV readAttributes(const Module& module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                     AttributeReader& reader) {
  const auto unchanged = module.readingAttributes();
  return reader.fetch(
      [&](CK_ATTRIBUTE* attributes, CK_ULONG count) {
        return module.call<&List::C_GetAttributeValue>(session, object, attributes, count);
      },
      module.quirks().comparesLengths);
}

// (session, object, types, keepBytes = false) -> [{ type, value | reason }]
class GetAttributes final : public Job {
 public:
  static constexpr const char* name = "C_GetAttributeValue";

  GetAttributes(std::shared_ptr<Attachment> attachment, const Napi::CallbackInfo& info)
      : attachment_(std::move(attachment)) {
    const auto next = readRoles<fn::C_GetAttributeValue>(roles_, info, *attachment_);
    if (info[next].IsBoolean() && info[next].As<Napi::Boolean>()) roles_.attributes.reader.keepBytes();
  }

  std::shared_ptr<Session> session() const { return roles_.session.session; }

  void execute() override {
    if (!session()->isOpen()) return fail(Failure::returned(CKR_SESSION_HANDLE_INVALID, name));
    const CK_RV rv = readAttributes(attachment_->module(), session()->handle(), roles_.object.number,
                                    roles_.attributes.reader);
    noteFailure(*attachment_, session(), rv);
    if (rv != CKR_OK) fail(Failure::returned(rv, name));
  }

 protected:
  Napi::Value value(Napi::Env env) override { return roles_.attributes.value(env); }

 private:
  std::shared_ptr<Attachment> attachment_;
  fn::C_GetAttributeValue::Roles roles_;
};

// (session, template, types, limit) -> [{ handle, attributes }]; limit 0 means all objects.
class FindObjects final : public Job {
 public:
  static constexpr const char* name = "C_FindObjects";

  FindObjects(std::shared_ptr<Attachment> attachment, const Napi::CallbackInfo& info)
      : attachment_(std::move(attachment)) {
    session_.read(info[0], {*attachment_, name, "session"});
    template_.read(info[1], {*attachment_, name, "template"});
    types_.read(info[2], {*attachment_, name, "types"});
    limit_.read(info[3], {*attachment_, name, "limit"});
  }

  std::shared_ptr<Session> session() const { return session_.session; }

  void execute() override {
    if (!session()->isOpen()) return fail(Failure::returned(CKR_SESSION_HANDLE_INVALID, "C_FindObjectsInit"));
    if (const CK_RV rv = begin(); rv != CKR_OK) return failed(rv, "C_FindObjectsInit");
    const CK_RV rv = collect();
    const CK_RV final = attachment_->module().call<&List::C_FindObjectsFinal>(session()->handle());
    if (final != CKR_OK) session()->unended |= CKF_FIND_OBJECTS;
    if (rv != CKR_OK) return failed(rv, name);
    const AttributeReader* previous = nullptr;
    for (Found& found : found_) {
      if (previous != nullptr) found.attributes.expectSizesOf(*previous);
      const CK_RV read =
          readAttributes(attachment_->module(), session()->handle(), found.handle, found.attributes);
      found.gone = read == CKR_OBJECT_HANDLE_INVALID;  // destroyed since it was found
      if (read != CKR_OK && !found.gone) return failed(read, "C_GetAttributeValue");
      if (!found.gone) previous = &found.attributes;
    }
  }

 protected:
  Napi::Value value(Napi::Env env) override {
    auto list = Napi::Array::New(env);
    for (const Found& found : found_) {
      if (found.gone) continue;
      auto object = Napi::Object::New(env);
      object.Set("handle", fromHandle(env, found.handle));
      object.Set("attributes", found.attributes.value(env));
      list.Set(list.Length(), object);
    }
    return list;
  }

 private:
  struct Found {
    CK_OBJECT_HANDLE handle;
    AttributeReader attributes;
    bool gone;
  };
  static constexpr CK_ULONG kAtOnce = 256;
  static constexpr std::size_t kMostObjects = std::size_t{1} << 24;
  static constexpr std::size_t kMostRepeats = 1024;

  CK_RV begin() {
    return beginOperation(attachment_->module(), session(), [this] {
      return attachment_->module().call<&List::C_FindObjectsInit>(
          session()->handle(), template_.attributes.data(), template_.attributes.size());
    });
  }

  CK_RV collect() {
    std::vector<CK_OBJECT_HANDLE> handles(kAtOnce);
    std::size_t repeats = 0;  // handles since the last new one
    for (;;) {
      CK_ULONG want = kAtOnce;
      if (limit_.number != 0)
        want = std::min<CK_ULONG>(want, limit_.number - static_cast<CK_ULONG>(found_.size()));
      if (want == 0) return CKR_OK;
      CK_ULONG count = 0;
      const CK_RV rv =
          attachment_->module().call<&List::C_FindObjects>(session()->handle(), handles.data(), want, &count);
      if (rv != CKR_OK || count == 0) return rv;
      if (count > want) return CKR_GENERAL_ERROR;  // more than was asked for
      for (CK_ULONG i = 0; i < count; ++i) {
        // Some modules return an object twice.
        if (!seen_.insert(handles[i]).second) {
          ++repeats;
          continue;
        }
        repeats = 0;
        found_.push_back(Found{handles[i], types_.reader, false});
      }
      // The module never ends the search.
      if (found_.size() > kMostObjects || repeats > found_.size() + kMostRepeats) return CKR_GENERAL_ERROR;
    }
  }

  void failed(CK_RV rv, const char* function) {
    noteFailure(*attachment_, session(), rv);
    fail(Failure::returned(rv, function));
  }

  std::shared_ptr<Attachment> attachment_;
  role::Session session_;
  role::Template template_;
  role::OutAttributes types_;
  role::Ulong limit_;
  std::vector<Found> found_;
  std::set<CK_OBJECT_HANDLE> seen_;
};

}  // namespace

void defineObjects(std::vector<RawModule::Method>& methods) {
  defineJob<GetAttributes>(methods, "C_GetAttributeValue");
  defineJob<FindObjects>(methods, "findObjects");
}

}  // namespace cryptoki
