#include "calls/raw_module.h"

#include <utility>

#include "entry.h"

namespace cryptoki {
namespace {

const std::vector<RawModule::Method>& methods() {
  static const std::vector<RawModule::Method> all = [] {
    std::vector<RawModule::Method> list;
    defineGeneral(list);
    defineCalls(list);
    defineState(list);
    defineSessions(list);
    defineSlotEvents(list);
    defineObjects(list);
    defineOperations(list);
    defineDerivation(list);
    defineBatches(list);
    defineKeyObjects(list);
    defineSyncFastPath(list);
    return list;
  }();
  return all;
}

// Tags the external value that create() passes to the constructor. JavaScript cannot forge it, so it cannot
// construct a RawModule.
const napi_type_tag kAttachmentTag{0x6f8a0b1d5c7e4d23, 0x9a41e37d02c8b65f};
// Tags a RawModule: a method can be called on any object, also on one that another addon has wrapped.
const napi_type_tag kRawModuleTag{0x27c5d1f04b8e4a96, 0x8d3b65a9f1027e4c};

void check(napi_env env, napi_status status) {
  if (status != napi_ok) throw Napi::Error::New(env);
}

}  // namespace

void RawModule::define(Napi::Env env) {
  std::vector<std::string> names;
  std::vector<napi_property_descriptor> properties;
  names.reserve(methods().size());  // the descriptors point to the names
  for (const Method& method : methods()) {
    names.push_back(std::string(method.name) + (method.form == Form::Sync ? "Sync" : ""));
    properties.push_back({names.back().c_str(), nullptr, &RawModule::dispatch, nullptr, nullptr, nullptr,
                          napi_default, const_cast<Method*>(&method)});  // NOLINT: comes back as const
  }
  napi_value constructor = nullptr;
  check(env, napi_define_class(env, "RawModule", NAPI_AUTO_LENGTH, &RawModule::construct, nullptr,
                               properties.size(), properties.data(), &constructor));
  Environment::of(env).rawModule = Napi::Persistent(Napi::Function(env, constructor));
}

Napi::Object RawModule::create(Napi::Env env, const std::shared_ptr<Attachment>& attachment) {
  auto owned = std::make_unique<std::shared_ptr<Attachment>>(attachment);
  auto external = Napi::External<std::shared_ptr<Attachment>>::New(env, owned.get());
  external.TypeTag(&kAttachmentTag);
  return Environment::of(env).rawModule.New({external});
}

napi_value RawModule::construct(napi_env env, napi_callback_info info) noexcept {
  return enter(env, [&]() -> napi_value {
    using External = Napi::External<std::shared_ptr<Attachment>>;
    const Napi::CallbackInfo arguments(env, info);
    const bool isOurs = arguments.IsConstructCall() && arguments[0].IsExternal() &&
                        arguments[0].As<External>().CheckTypeTag(&kAttachmentTag);
    if (!isOurs) throw BadArgument{false, "RawModule cannot be constructed: use load()"};
    auto raw = std::make_unique<RawModule>(Environment::of(env), *arguments[0].As<External>().Data());
    const napi_value self = arguments.This();
    check(env, napi_type_tag_object(env, self, &kRawModuleTag));
    check(env, napi_wrap(
                   env, self, raw.get(),
                   [](node_api_basic_env, void* data, void*) {
                     const std::unique_ptr<RawModule> last(static_cast<RawModule*>(data));
                   },
                   nullptr, nullptr));
    static_cast<void>(raw.release());  // Node-API deletes it with the object
    return self;
  });
}

RawModule& RawModule::of(const Napi::CallbackInfo& info) {
  bool isOurs = false;
  void* raw = nullptr;
  const Napi::Value self = info.This();
  if (!self.IsObject() || napi_check_object_type_tag(info.Env(), self, &kRawModuleTag, &isOurs) != napi_ok ||
      !isOurs || napi_unwrap(info.Env(), self, &raw) != napi_ok)
    throw BadArgument{false, "the method was called on an object that is not a RawModule"};
  return *static_cast<RawModule*>(raw);
}

RawModule::RawModule(Environment& environment, std::shared_ptr<Attachment> attachment)
    : environment_(environment), channel_(environment.channel()), attachment_(std::move(attachment)) {
  environment_.add(attachment_);
}

RawModule::~RawModule() {
  // At the end of the environment this may run before its objects are deleted; its channel is closed then.
  if (loginWatch_ && !channel_->isClosed()) environment_.removeWatch(loginWatch_->id());
  attachment_->orphan();
}

napi_value RawModule::dispatch(napi_env env, napi_callback_info info) noexcept {
  return enter(env, [&]() -> napi_value {
    const Napi::CallbackInfo arguments(env, info);
    const auto& method = *static_cast<const Method*>(arguments.Data());
    const auto body = [&] { return method.body(of(arguments), arguments); };
    return method.form == Form::Promise ? rejecting(env, body) : body();
  });
}

Napi::Value RawModule::start(Napi::Env env, const std::shared_ptr<Job>& job,
                             const std::shared_ptr<Session>& session) {
  const Napi::Promise promise = Environment::of(env).promise(*job);
  if (session) {
    session->queue().submit(job);
  } else {
    Pool::get().post(job);
  }
  return promise;
}

Napi::Value RawModule::complete(Napi::Env env, const std::shared_ptr<Job>& job,
                                const std::shared_ptr<Session>& session) {
  if (!session) {
    job->run();
  } else if (session->queue().tryEnter()) {
    job->run();
    session->queue().leave();
  } else {
    session->queue().submit(job);
    job->wait();
  }
  return job->result(env);
}

}  // namespace cryptoki
