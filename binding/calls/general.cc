// C_Initialize, C_Finalize, reinitialise, and the description of a module.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "calls/raw_module.h"
#include "marshal/bytes.h"
#include "marshal/number.h"
#include "marshal/unknown_name.h"

namespace cryptoki {
namespace {

// Returns true if `object[name]` is `yes`; false if it is `no` or undefined.
bool readChoice(const Napi::Object& object, const char* name, const Argument& argument, std::string_view yes,
                std::string_view no) {
  const Napi::Value value = object.Get(name + 1);
  if (value.IsUndefined()) return false;
  const std::string text = value.IsString() ? value.ToString().Utf8Value() : "";
  if (text != yes && text != no)
    argument.part(name).mustBe("\"" + std::string(no) + "\" or \"" + std::string(yes) + "\"", value);
  return text == yes;
}

// { locking?: 'os' | 'objects' | 'module', libraryParameters?: string, signalHandlers?: 'keep' | 'restore',
//   exitHandlers?: 'run' | 'skip' }
InitializeOptions readOptions(RawModule& raw, const Napi::CallbackInfo& info) {
  InitializeOptions options;
  const Argument argument{*raw.attachment(), "C_Initialize", "options"};
  if (info[0].IsUndefined()) return options;
  if (!info[0].IsObject()) argument.mustBe("an object", info[0]);
  const auto object = info[0].As<Napi::Object>();
  refuseUnknownNames(object, {"locking", "libraryParameters", "signalHandlers", "exitHandlers"},
                     "the options of C_Initialize have");
  if (const Napi::Value locking = object.Get("locking"); !locking.IsUndefined()) {
    const std::string text = locking.IsString() ? locking.ToString().Utf8Value() : "";
    if (text != "os" && text != "objects" && text != "module") {
      argument.part(".locking").mustBe("\"os\", \"objects\" or \"module\"", locking);
    }
    options.locking = text == "module" ? Locking::All : text == "objects" ? Locking::Objects : Locking::None;
  }
  if (const Napi::Value parameters = object.Get("libraryParameters"); !parameters.IsUndefined()) {
    const Bytes text = toUtf8(parameters, argument.part(".libraryParameters"));
    options.libraryParameters = std::string(text.begin(), text.end());
  }
  options.restoresSignalHandlers = readChoice(object, ".signalHandlers", argument, "restore", "keep");
  options.skipsExitHandlers = readChoice(object, ".exitHandlers", argument, "skip", "run");
  return options;
}

Napi::Value initialise(RawModule& raw, const Napi::CallbackInfo& info) {
  auto job = raw.attachment()->initialise(readOptions(raw, info));
  return RawModule::start(info.Env(), job, nullptr);
}

Napi::Value initialiseSync(RawModule& raw, const Napi::CallbackInfo& info) {
  auto job = raw.attachment()->initialise(readOptions(raw, info));
  return RawModule::complete(info.Env(), job, nullptr);
}

Napi::Value finalise(RawModule& raw, const Napi::CallbackInfo& info) {
  auto begun = raw.attachment()->finalise();
  return Environment::of(info.Env()).promise(*begun.job);  // posted when `begun.claim` is destroyed, or later
}

Napi::Value finaliseSync(RawModule& raw, const Napi::CallbackInfo& info) {
  auto begun = raw.attachment()->finalise();
  begun.claim.reset();
  begun.job->wait();
  return begun.job->result(info.Env());
}

// (since: a number from reinitialisations(), or undefined)
Napi::Value reinitialise(RawModule& raw, const Napi::CallbackInfo& info) {
  raw.attachment()->checkInitialised(ReinitialiseJob::name);
  std::optional<std::uint64_t> since;
  if (!info[0].IsUndefined()) since = toUlong(info[0], {*raw.attachment(), ReinitialiseJob::name, "since"});
  const auto job = std::make_shared<ReinitialiseJob>();
  const Napi::Promise promise = Environment::of(info.Env()).promise(*job);
  raw.attachment()->reinitialise(job, since);
  return promise;
}

// () -> the number of successful reinitialisations in this process
Napi::Value reinitialisations(RawModule& raw, const Napi::CallbackInfo& info) {
  const auto count = raw.attachment()->module().reinitialisations().count();
  return Napi::Number::New(info.Env(), static_cast<double>(count));
}

// { path, version: { major, minor }, fromInterface }
Napi::Value description(RawModule& raw, const Napi::CallbackInfo& info) {
  const Module& module = raw.attachment()->module();
  auto version = Napi::Object::New(info.Env());
  version.Set("major", Napi::Number::New(info.Env(), module.version().major));
  version.Set("minor", Napi::Number::New(info.Env(), module.version().minor));
  auto object = Napi::Object::New(info.Env());
  object.Set("path", module.path());
  object.Set("version", version);
  object.Set("fromInterface", Napi::Boolean::New(info.Env(), module.fromInterface()));
  return object;
}

}  // namespace

void defineGeneral(std::vector<RawModule::Method>& methods) {
  methods.push_back({"C_Initialize", initialise, RawModule::Form::Promise});
  methods.push_back({"C_Initialize", initialiseSync, RawModule::Form::Sync});
  methods.push_back({"C_Finalize", finalise, RawModule::Form::Promise});
  methods.push_back({"C_Finalize", finaliseSync, RawModule::Form::Sync});
  methods.push_back({"reinitialise", reinitialise, RawModule::Form::Promise});
  methods.push_back({"reinitialisations", reinitialisations, RawModule::Form::Immediate});
  methods.push_back({"description", description, RawModule::Form::Immediate});
}

}  // namespace cryptoki
