// What the add-on keeps for one JavaScript environment: the main thread, or one worker thread.
#pragma once

#include <napi.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "executor.h"
#include "failure.h"
#include "outputs.h"
#include "session.h"

namespace infernode {

// What became of an asynchronous call: an error, a run's outputs, a load's description, or just its end.
struct Completion {
  uint32_t ticket;
  std::variant<std::monostate, Failure, Outputs, std::string> value;
};

// Lives and dies on its JavaScript thread; only `complete` is called from executors. When the environment ends, its
// waiting jobs are dropped and the running ones are waited for, so that no executor touches memory of a dead
// environment.
class Environment {
 public:
  // `on_complete(ticket, error, value)` is called on the JavaScript thread for each completion.
  Environment(Napi::Env env, Napi::Function on_complete);
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment();

  // Slots 0 to `count` - 1 of this device and thread count.
  std::vector<Executor*> executors(const inf_backend_api& api, const std::string& device, int32_t threads,
                                   int32_t count);

  // Starts and ends a call: while any is in flight, the event loop stays alive.
  void begin_call();
  void end_call();
  bool is_idle() const { return in_flight_ == 0; }

  // Wakes the event loop, which delivers.
  void complete(Completion completion);
  // For the JavaScript thread: whoever calls this has `deliver` called in the next turn of the event loop. A wake-up
  // would not do: one that comes out of an answer's own callback is served in the same turn, up to a thousand times, so
  // that a series of calls that complete at once would hold up everything else.
  void keep(Completion completion);
  // Calls `on_complete` for all that has completed.
  void deliver(Napi::Env env, Napi::Function on_complete);

  // For the end of the process: drops the waiting calls of this environment and waits for the running ones. If that
  // takes longer than `limit`, the process will end without destroying static objects.
  void drain_before_exit(std::chrono::milliseconds limit);

  // Numbers that JavaScript writes and `Arguments` reads.
  const double* numbers() const { return numbers_; }
  size_t numbers_length() const { return numbers_length_; }
  Napi::Float64Array resize_numbers(Napi::Env env, size_t length);

 private:
  static void on_wake(Napi::Env env, Napi::Function on_complete, Environment* self, void* data);
  using Wake = Napi::TypedThreadSafeFunction<Environment, void, on_wake>;

  // Whether it is the only one that waits to be delivered.
  bool enqueue(Completion completion);
  void shut_down();

  Wake wake_;
  size_t in_flight_ = 0;
  std::vector<std::shared_ptr<Executor>> executors_;
  Napi::Reference<Napi::Float64Array> numbers_array_;
  double* numbers_ = nullptr;
  size_t numbers_length_ = 0;
  std::mutex mutex_;
  std::vector<Completion> completed_;
};

}  // namespace infernode
