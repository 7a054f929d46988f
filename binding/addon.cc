// The addon's exports: setup(), registerAttribute(), load(), loadSync(), lockout.
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "calls/raw_module.h"
#include "entry.h"
#include "environment.h"
#include "marshal/argument.h"
#include "marshal/tables.h"
#include "marshal/unknown_name.h"
#include "marshal/vendor.h"
#include "module/attachment.h"
#include "module/lockout.h"
#include "module/mac.h"
#include "module/module.h"
#include "napi_setup.h"
#include "runtime/process_exit.h"
#include "runtime/stay_loaded.h"

namespace cryptoki {
namespace {

// A job, because dlopen and the initialisers of the module may block.
class LoadJob final : public Job {
 public:
  LoadJob(std::string path, LoadOptions options) : path_(std::move(path)), options_(options) {}

  void execute() override { attachment_ = std::make_shared<Attachment>(Module::load(path_, options_)); }
  Napi::Value value(Napi::Env env) override { return RawModule::create(env, attachment_); }

 private:
  std::string path_;
  LoadOptions options_;
  std::shared_ptr<Attachment> attachment_;
};

[[noreturn]] void refuse(const std::string& what, Napi::Value got) {
  throw BadArgument{false, "load: " + what + " (got " + describe(got) + ")"};
}

// (path: string, { symbolBinding?: 'auto' | 'deepbind' | 'none', interface?: 'auto' | '2.40' })
std::shared_ptr<LoadJob> makeLoad(const Napi::CallbackInfo& info) {
  if (!info[0].IsString()) refuse("\"path\" must be a string", info[0]);
  const std::string path = info[0].ToString();
  if (path.empty() || path.find('\0') != std::string::npos)
    refuse("\"path\" must be the path of a library", info[0]);
  LoadOptions options;
  if (info[1].IsObject()) {
    const auto object = info[1].As<Napi::Object>();
    refuseUnknownNames(object, {"symbolBinding", "interface"}, "the options of load have");
    const Napi::Value symbolBinding = object.Get("symbolBinding");
    if (!symbolBinding.IsUndefined()) {
      const std::string text = symbolBinding.IsString() ? symbolBinding.ToString().Utf8Value() : "";
      if (text != "auto" && text != "deepbind" && text != "none") {
        refuse("\"symbolBinding\" must be \"auto\", \"deepbind\" or \"none\"", symbolBinding);
      }
      options.symbolBinding = text == "auto"       ? SymbolBinding::Auto
                              : text == "deepbind" ? SymbolBinding::DeepBind
                                                   : SymbolBinding::None;
    }
    const Napi::Value interface = object.Get("interface");
    if (!interface.IsUndefined()) {
      const std::string text = interface.IsString() ? interface.ToString().Utf8Value() : "";
      if (text != "auto" && text != "2.40") refuse("\"interface\" must be \"auto\" or \"2.40\"", interface);
      options.only240 = text == "2.40";
    }
  } else if (!info[1].IsUndefined()) {
    refuse("\"options\" must be an object", info[1]);
  }
  Attachment::checkProcess(nullptr);
  return std::make_shared<LoadJob>(path, options);
}

Napi::Value load(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&] { return RawModule::start(info.Env(), makeLoad(info), nullptr); });
}

Napi::Value loadSync(const Napi::CallbackInfo& info) {
  return RawModule::complete(info.Env(), makeLoad(info), nullptr);
}

Napi::Value setup(const Napi::CallbackInfo& info) { return Environment::of(info.Env()).setup(info); }

// (type: number, kind: string, name: string); lib/model/attributes.ts validates them before.
Napi::Value registerVendorAttribute(const Napi::CallbackInfo& info) {
  constexpr std::pair<std::string_view, AttributeKind> kKinds[] = {
      {"boolean", AttributeKind::Boolean}, {"ulong", AttributeKind::Ulong},
      {"bytes", AttributeKind::Bytes},     {"utf8", AttributeKind::Utf8},
      {"date", AttributeKind::Date},       {"bigInteger", AttributeKind::BigInteger},
  };
  const std::string kind = info[1].ToString();
  for (const auto& [name, value] : kKinds) {
    if (name != kind) continue;
    const double type = info[0].As<Napi::Number>().DoubleValue();
    registerAttribute(static_cast<CK_ATTRIBUTE_TYPE>(type), value, info[2].ToString());
  }
  return info.Env().Undefined();
}

// () -> [{ name, fields: [name] }]: the parameter structures in the order of the table, for
// lib/raw/flat-mechanism.ts.
Napi::Value listStructures(const Napi::CallbackInfo& info) {
  auto list = Napi::Array::New(info.Env(), structures().size());
  for (std::uint32_t i = 0; i < list.Length(); ++i) {
    const Structure& structure = structures()[i];
    auto fields = Napi::Array::New(info.Env(), structure.count);
    for (std::uint32_t k = 0; k < structure.count; ++k)
      fields.Set(k, Napi::String::New(info.Env(), structure.fields[k].name()));
    auto object = Napi::Object::New(info.Env());
    object.Set("name", structure.name);
    object.Set("fields", fields);
    list.Set(i, object);
  }
  return list;
}

// (mechanism: number) -> the name of its parameter structure, or undefined
Napi::Value parameterName(const Napi::CallbackInfo& info) {
  const double type = info[0].As<Napi::Number>().DoubleValue();
  const Structure* structure = parameterOf(static_cast<CK_MECHANISM_TYPE>(type));
  if (structure == nullptr) return info.Env().Undefined();
  return Napi::String::New(info.Env(), structure->name);
}

// (mechanism: number) -> true if the mechanism makes MACs
Napi::Value isMacMechanism(const Napi::CallbackInfo& info) {
  const double type = info[0].As<Napi::Number>().DoubleValue();
  return Napi::Boolean::New(info.Env(), isMac(static_cast<CK_MECHANISM_TYPE>(type)));
}

// (code: number): notes the exit code of the process
Napi::Value exiting(const Napi::CallbackInfo& info) {
  noteExitCode(info[0].As<Napi::Number>().Int32Value());
  return info.Env().Undefined();
}

Napi::Object initialiseAddon(Napi::Env env, Napi::Object exports) {
  stayLoaded();
  process();  // finds the table of the first copy in this process and registers the fork handler
  auto environment = std::make_unique<Environment>(env);
  env.SetInstanceData(environment.get());
  static_cast<void>(environment.release());  // Node-API deletes it with the environment
  RawModule::define(env);
  setFunction<setup>(exports, "setup");
  setFunction<registerVendorAttribute>(exports, "registerAttribute");
  defineLockout(exports);
  setFunction<listStructures>(exports, "structures");
  setFunction<parameterName>(exports, "parameterName");
  setFunction<isMacMechanism>(exports, "isMac");
  setFunction<exiting>(exports, "exiting");
  setFunction<load>(exports, "load");
  setFunction<loadSync>(exports, "loadSync");
  return exports;
}

}  // namespace
}  // namespace cryptoki

static Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  try {
    return cryptoki::initialiseAddon(env, exports);
  } catch (const std::exception& problem) {  // includes Napi::Error
    throw Napi::Error::New(env, std::string("cryptoki cannot start: ") + problem.what());
  }
}

NODE_API_MODULE(cryptoki, initialise)
