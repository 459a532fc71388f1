// The functions that JavaScript calls; src/backends/native/addon.ts declares the same in TypeScript.
#include <napi.h>

#include <chrono>
#include <memory>
#include <semaphore>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "backend_library.h"
#include "environment.h"
#include "gpu_query.h"
#include "guarded_call.h"
#include "heap.h"
#include "session.h"
#include "type_tags.h"

namespace infernode {
namespace {

using SessionHandle = std::shared_ptr<Session>;

struct BackendHandle {
  const inf_backend_api& api;
};

Environment& environment_of(Napi::Env env) {
  auto* environment = env.GetInstanceData<Environment>();
  if (environment == nullptr) throw Napi::Error::New(env, "initialize() has not been called");
  return *environment;
}

template <typename Held>
Held& unwrap(const Napi::Value& value, const napi_type_tag& tag, const char* what) {
  if (!value.IsExternal() || !value.As<Napi::External<Held>>().CheckTypeTag(&tag)) {
    throw Napi::TypeError::New(value.Env(), std::string("Expected ") + what);
  }
  return *value.As<Napi::External<Held>>().Data();
}

// The finalizer of a handle.
template <typename Held>
void free_held(Napi::Env /*env*/, Held* held) {
  const std::unique_ptr<Held> owned(held);
}

uint32_t ticket_of(const Napi::Value& value) {
  return value.As<Napi::Number>().Uint32Value();
}

// initialize(onComplete) -> Float64Array
Napi::Value initialize(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  if (env.GetInstanceData<Environment>() != nullptr) throw Napi::Error::New(env, "initialize() was called before");
  auto environment = std::make_unique<Environment>(env, info[0].As<Napi::Function>());
  auto numbers = environment->resize_numbers(env, environment->numbers_length());
  env.SetInstanceData(environment.release());
  return numbers;
}

// resizeNumbers(length) -> Float64Array
Napi::Value resize_numbers(const Napi::CallbackInfo& info) {
  return environment_of(info.Env()).resize_numbers(info.Env(), info[0].As<Napi::Number>().Uint32Value());
}

// openBackend(path, prerequisites) -> BackendHandle
Napi::Value open_backend_library(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  std::vector<std::string> prerequisites;
  const auto list = info[1].As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) prerequisites.push_back(list.Get(i).As<Napi::String>().Utf8Value());
  try {
    const auto& api = open_backend(info[0].As<Napi::String>().Utf8Value(), prerequisites);
    // This thread may run small models itself; it must never start an intra-op pool of its own.
    api.enter_thread(1);
    auto handle = Napi::External<BackendHandle>::New(env, std::make_unique<BackendHandle>(BackendHandle{api}).release(),
                                                     free_held<BackendHandle>);
    handle.TypeTag(&kBackendTag);
    return handle;
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Napi::Error::New(env, error.what());
  }
}

// describeBackend(backend) -> {name, builtVersion, runtimeVersion, formats, devices, details}
Napi::Value describe_backend(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  const auto* table = unwrap<BackendHandle>(info[0], kBackendTag, "a backend").api.capabilities();
  auto result = Napi::Object::New(env);
  result.Set("name", table->name);
  result.Set("builtVersion", table->built_version);
  result.Set("runtimeVersion", table->runtime_version);
  result.Set("formats", table->formats);
  result.Set("devices", table->devices);
  result.Set("details", table->details);
  return result;
}

LoadOptions load_options(const Napi::Object& given) {
  const auto text = [](const Napi::Object& object, const char* name) {
    return object.Get(name).As<Napi::String>().Utf8Value();
  };
  LoadOptions options{text(given, "path"),
                      text(given, "format"),
                      text(given, "device"),
                      given.Get("threads").As<Napi::Number>().Int32Value(),
                      given.Get("instances").As<Napi::Number>().Int32Value(),
                      text(given, "precision"),
                      given.Get("channelsLast").As<Napi::Number>().Int32Value(),
                      given.Get("fuse").As<Napi::Boolean>().Value(),
                      given.Get("graphs").As<Napi::Boolean>().Value(),
                      given.Get("memoryLimit").As<Napi::Number>().Int64Value(),
                      std::nullopt};
  if (given.Get("recipe").IsObject()) {
    const auto recipe = given.Get("recipe").As<Napi::Object>();
    auto& filled = options.recipe.emplace(Recipe{
        text(recipe, "mode"), text(recipe, "observer"), recipe.Get("reduceRange").As<Napi::Boolean>().Value(), {}});
    const auto exclude = recipe.Get("exclude").As<Napi::Array>();
    for (uint32_t i = 0; i < exclude.Length(); ++i) {
      filled.exclude.push_back(exclude.Get(i).As<Napi::String>().Utf8Value());
    }
  }
  return options;
}

// load(backend, options, ticket) -> SessionHandle; completes with the description
Napi::Value load(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  auto& environment = environment_of(env);
  const auto& api = unwrap<BackendHandle>(info[0], kBackendTag, "a backend").api;
  auto options = load_options(info[1].As<Napi::Object>());
  if (options.instances > 1 && api.capabilities()->concurrent_runs == 0) {
    throw Napi::Error::New(env, "This backend runs one call of a model at a time");
  }
  auto executors = environment.executors(api, options.device, options.threads, options.instances);
  auto session = std::make_shared<Session>(api, std::move(executors), std::move(options));
  const uint32_t ticket = ticket_of(info[2]);
  environment.begin_call();
  auto& executor = session->first_executor();
  executor.post({&environment, ticket, [&environment, session, ticket] {
                   try {
                     session->load();
                     environment.complete({ticket, session->description()});
                   } catch (Failure& failure) {
                     environment.complete({ticket, std::move(failure)});
                   }
                 }});
  auto handle = Napi::External<SessionHandle>::New(env, std::make_unique<SessionHandle>(session).release(),
                                                   free_held<SessionHandle>);
  handle.TypeTag(&kSessionTag);
  return handle;
}

// state(session) -> what has happened in the model so far, JSON text
Napi::Value state(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), unwrap<SessionHandle>(info[0], kSessionTag, "a session")->state());
}

// gpuFigures() -> a promise of what NVIDIA's driver tells of each GPU, JSON text
Napi::Value gpu_figures(const Napi::CallbackInfo& info) {
  auto* query = std::make_unique<GpuQuery>(info.Env()).release();  // deletes itself when it is done
  query->Queue();
  return query->promise();
}

// convert(session, target, ticket); completes with the report
void convert(const Napi::CallbackInfo& info) {
  auto& environment = environment_of(info.Env());
  auto session = unwrap<SessionHandle>(info[0], kSessionTag, "a session");
  auto target = info[1].As<Napi::String>().Utf8Value();
  const uint32_t ticket = ticket_of(info[2]);
  environment.begin_call();
  auto& executor = session->first_executor();
  executor.post({&environment, ticket, [&environment, session = std::move(session), target, ticket] {
                   try {
                     environment.complete({ticket, session->convert(target)});
                   } catch (Failure& failure) {
                     environment.complete({ticket, std::move(failure)});
                   }
                 }});
}

// run(session, method, numbersUsed, values, ticket) -> whether it has completed already, so that `deliver` is to be
// called in the next turn of the event loop; completes with the outputs
Napi::Value run(const Napi::CallbackInfo& info) {
  auto& environment = environment_of(info.Env());
  auto session = unwrap<SessionHandle>(info[0], kSessionTag, "a session");
  const uint32_t method = info[1].As<Napi::Number>().Uint32Value();
  const size_t used = info[2].As<Napi::Number>().Uint32Value();
  if (used > environment.numbers_length()) throw Napi::RangeError::New(info.Env(), "Too many numbers");
  auto arguments = std::make_shared<Arguments>(environment.numbers(), used, info[3].As<Napi::Array>());
  const uint32_t ticket = ticket_of(info[4]);
  auto& executor = session->next_executor();
  const auto kind = QuickCalls::kind_of(method, environment.numbers(), used);
  // A call that takes less time than a thread takes to be woken stays here, if it is the only one: so it never
  // overtakes, and the event loop turns after each.
  const bool stays =
      environment.is_idle() && executor.load() == 0 && session->runs_anywhere() && session->expects_quick(kind);
  environment.begin_call();
  auto work = [session = std::move(session), method, kind, arguments, ticket]() -> Completion {
    try {
      return {ticket, session->run(method, kind, arguments->data(), arguments->size())};
    } catch (Failure& failure) {
      return {ticket, std::move(failure)};
    }
  };
  if (stays) {
    environment.keep(work());
  } else {
    executor.post({&environment, ticket, [&environment, work = std::move(work)] { environment.complete(work()); }});
  }
  return Napi::Boolean::New(info.Env(), stays);
}

// deliver(onComplete): hands over what has completed, as a wake-up does
void deliver(const Napi::CallbackInfo& info) {
  environment_of(info.Env()).deliver(info.Env(), info[0].As<Napi::Function>());
}

// runSync(session, method, numbersUsed, values) -> outputs
Napi::Value run_sync(const Napi::CallbackInfo& info) {
  auto env = info.Env();
  auto& environment = environment_of(env);
  auto& session = unwrap<SessionHandle>(info[0], kSessionTag, "a session");
  const uint32_t method = info[1].As<Napi::Number>().Uint32Value();
  const size_t used = info[2].As<Napi::Number>().Uint32Value();
  if (used > environment.numbers_length()) throw Napi::RangeError::New(env, "Too many numbers");
  const Arguments arguments(environment.numbers(), used, info[3].As<Napi::Array>());
  auto& executor = session->next_executor();
  const auto kind = QuickCalls::kind_of(method, environment.numbers(), used);
  try {
    // One thread needs no pool, so the call may stay on this thread and save two context switches; but it never
    // overtakes.
    if (session->runs_anywhere() && executor.load() == 0) {
      return session->run(method, kind, arguments.data(), arguments.size()).to_js(env);
    }
    std::variant<std::monostate, Failure, Outputs> answer;
    std::binary_semaphore done(0);
    executor.post({&environment, 0, [&] {
                     try {
                       answer.emplace<Outputs>(session->run(method, kind, arguments.data(), arguments.size()));
                     } catch (Failure& failure) {
                       answer.emplace<Failure>(std::move(failure));
                     }
                     done.release();
                   }});
    done.acquire();
    if (auto* failure = std::get_if<Failure>(&answer)) throw std::move(*failure);
    return std::get<Outputs>(answer).to_js(env);
  } catch (const Failure& failure) {
    throw failure.to_js(env);
  }
}

// cancel(session, ticket) -> whether the call was still waiting, and now will not complete
Napi::Value cancel(const Napi::CallbackInfo& info) {
  auto& environment = environment_of(info.Env());
  auto& session = unwrap<SessionHandle>(info[0], kSessionTag, "a session");
  const bool cancelled = session->cancel(&environment, ticket_of(info[1]));
  if (cancelled) environment.end_call();
  return Napi::Boolean::New(info.Env(), cancelled);
}

// unload(session, ticket); completes when the model is freed, after all earlier calls of the first executor. Of several
// instances, no call may be in flight: the last would free the model after this has completed.
void unload(const Napi::CallbackInfo& info) {
  auto& environment = environment_of(info.Env());
  auto session = unwrap<SessionHandle>(info[0], kSessionTag, "a session");
  const uint32_t ticket = ticket_of(info[1]);
  environment.begin_call();
  auto& executor = session->first_executor();
  executor.post({&environment, ticket, [&environment, session = std::move(session), ticket] {
                   session->unload();
                   environment.complete({ticket, std::monostate()});
                 }});
}

// drainBeforeExit(milliseconds): drops the waiting calls of this environment, which never complete, and waits for the
// running ones, but no longer than that
void drain_before_exit(const Napi::CallbackInfo& info) {
  const std::chrono::milliseconds limit(info[0].As<Napi::Number>().Int64Value());
  environment_of(info.Env()).drain_before_exit(limit);
}

// adjustMemory(bytes): tells V8 that native memory grew or shrank
void adjust_memory(const Napi::CallbackInfo& info) {
  Napi::MemoryManagement::AdjustExternalMemory(info.Env(), info[0].As<Napi::Number>().Int64Value());
}

// trimHeap(): gives what the calling thread and others freed back to the system
void trim_heap(const Napi::CallbackInfo& /*info*/) {
  give_back_freed_heap();
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("abi", Napi::Number::New(env, INF_BACKEND_ABI));
  export_function<initialize>(exports, "initialize");
  export_function<resize_numbers>(exports, "resizeNumbers");
  export_function<open_backend_library>(exports, "openBackend");
  export_function<describe_backend>(exports, "describeBackend");
  export_function<load>(exports, "load");
  export_function<state>(exports, "state");
  export_function<gpu_figures>(exports, "gpuFigures");
  export_function<convert>(exports, "convert");
  export_function<run>(exports, "run");
  export_function<deliver>(exports, "deliver");
  export_function<run_sync>(exports, "runSync");
  export_function<cancel>(exports, "cancel");
  export_function<unload>(exports, "unload");
  export_function<drain_before_exit>(exports, "drainBeforeExit");
  export_function<adjust_memory>(exports, "adjustMemory");
  export_function<trim_heap>(exports, "trimHeap");
  return exports;
}

}  // namespace
}  // namespace infernode

namespace {
Napi::Object Init(Napi::Env env, Napi::Object exports) {
  return infernode::init(env, exports);
}
}  // namespace

NODE_API_MODULE(infernode, Init)
