#include "environment.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace infernode {

Environment::Environment(Napi::Env env, Napi::Function on_complete)
    : wake_(Wake::New(env, on_complete, "infernode", 0, 1, this)) {
  wake_.Unref(env);
  constexpr size_t kNumbers = 1024;
  resize_numbers(env, kNumbers);
  // Hooks run last in, first out: this one before the thread-safe function closes itself.
  env.AddCleanupHook([](Environment* self) { self->shut_down(); }, this);
}

Environment::~Environment() {
  // The array dies with its environment; a reference must not be deleted after it.
  numbers_array_.SuppressDestruct();
}

void Environment::drain_before_exit(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (const auto& executor : executors_) executor->drop_waiting(this);
  for (const auto& executor : executors_) {
    if (executor->await_running(this, deadline)) continue;
    // The call would meet the destruction of the framework's static objects. The handler that comes last runs first.
    on_exit(
        [](int status, void* /*unused*/) {
          std::fflush(nullptr);
          _exit(status);
        },
        nullptr);
    return;
  }
}

void Environment::shut_down() {
  for (const auto& executor : executors_) executor->drop_waiting(this);
  for (const auto& executor : executors_) executor->await_running(this);
  {
    const std::lock_guard lock(mutex_);
    completed_.clear();
  }
  executors_.clear();
}

std::vector<Executor*> Environment::executors(const inf_backend_api& api, const std::string& device, int32_t threads,
                                              int32_t count) {
  std::vector<Executor*> chosen;
  for (int32_t slot = 0; slot < count; ++slot) {
    auto executor = shared_executor(api, device, threads, slot);
    chosen.push_back(executor.get());
    const bool known = std::find(executors_.begin(), executors_.end(), executor) != executors_.end();
    if (!known) executors_.push_back(std::move(executor));
  }
  return chosen;
}

void Environment::begin_call() {
  if (in_flight_++ == 0) wake_.Ref(numbers_array_.Env());
}

void Environment::end_call() {
  if (--in_flight_ == 0) wake_.Unref(numbers_array_.Env());
}

bool Environment::enqueue(Completion completion) {
  const std::lock_guard lock(mutex_);
  completed_.push_back(std::move(completion));
  return completed_.size() == 1;
}

void Environment::complete(Completion completion) {
  // One wake-up delivers everything that has completed until then.
  if (enqueue(std::move(completion))) wake_.NonBlockingCall();
}

void Environment::keep(Completion completion) {
  enqueue(std::move(completion));
}

void Environment::on_wake(Napi::Env env, Napi::Function on_complete, Environment* self, void* /*data*/) {
  // Without an environment the function is being closed; what completed was dropped by shut_down.
  if (static_cast<napi_env>(env) == nullptr) return;
  try {
    self->deliver(env, on_complete);
  } catch (const Napi::Error&) {
    // Settling a promise does not throw, so the environment is being ended: nobody is left to deliver to.
  }
}

void Environment::deliver(Napi::Env env, Napi::Function on_complete) {
  std::vector<Completion> completed;
  {
    const std::lock_guard lock(mutex_);
    completed.swap(completed_);
  }
  for (auto& [ticket, value] : completed) {
    const Napi::HandleScope scope(env);
    end_call();
    napi_value error = env.Undefined();
    napi_value result = env.Undefined();
    try {
      if (auto* failure = std::get_if<Failure>(&value)) error = failure->to_js(env).Value();
      if (auto* outputs = std::get_if<Outputs>(&value)) result = outputs->to_js(env);
      if (auto* text = std::get_if<std::string>(&value)) result = Napi::String::New(env, *text);
    } catch (const Napi::Error& thrown) {
      error = thrown.Value();
    }
    on_complete.Call({Napi::Number::New(env, ticket), error, result});
  }
}

Napi::Float64Array Environment::resize_numbers(Napi::Env env, size_t length) {
  auto array = Napi::Float64Array::New(env, length);
  numbers_array_ = Napi::Persistent(array);
  numbers_ = array.Data();
  numbers_length_ = length;
  return array;
}

}  // namespace infernode
