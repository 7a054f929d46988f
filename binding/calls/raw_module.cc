#include "calls/raw_module.h"

#include <utility>

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
    defineBatches(list);
    defineKeyObjects(list);
    defineDirect(list);
    return list;
  }();
  return all;
}

// Only create() has it; JavaScript cannot construct a RawModule.
const napi_type_tag kAttachmentTag{0x6f8a0b1d5c7e4d23, 0x9a41e37d02c8b65f};

}  // namespace

void RawModule::define(Napi::Env env) {
  std::vector<std::string> names;
  std::vector<Napi::ClassPropertyDescriptor<RawModule>> properties;
  names.reserve(methods().size());  // DefineClass reads the names by pointer
  for (const Method& method : methods()) {
    names.push_back(std::string(method.name) + (method.form == Form::Sync ? "Sync" : ""));
    properties.push_back(InstanceMethod(names.back().c_str(), &RawModule::dispatch, napi_default,
                                        const_cast<Method*>(&method)));  // NOLINT: comes back as const
  }
  Environment::of(env).rawModule = Napi::Persistent(DefineClass(env, "RawModule", properties));
}

Napi::Object RawModule::create(Napi::Env env, const std::shared_ptr<Attachment>& attachment) {
  auto owned = std::make_unique<std::shared_ptr<Attachment>>(attachment);
  auto external = Napi::External<std::shared_ptr<Attachment>>::New(env, owned.get());
  external.TypeTag(&kAttachmentTag);
  return Environment::of(env).rawModule.New({external});
}

RawModule::RawModule(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  using External = Napi::External<std::shared_ptr<Attachment>>;
  if (!info[0].IsExternal() || !info[0].As<External>().CheckTypeTag(&kAttachmentTag)) {
    throw Napi::TypeError::New(info.Env(), "RawModule cannot be constructed: use load()");
  }
  attachment_ = *info[0].As<External>().Data();
  Environment::of(info.Env()).add(attachment_);
}

void RawModule::Finalize(Napi::BasicEnv env) {
  if (loginWatch_) Environment::of(Napi::Env(env)).removeWatch(loginWatch_->id());
  if (attachment_) attachment_->orphan();
}

Napi::Value RawModule::dispatch(const Napi::CallbackInfo& info) {
  const auto& method = *static_cast<const Method*>(info.Data());
  const auto body = [&] { return method.body(*this, info); };
  return method.form == Form::Promise ? rejecting(info.Env(), body) : throwing(info.Env(), body);
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
