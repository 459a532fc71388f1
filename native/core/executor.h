// A long-lived thread that runs jobs one after another.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "infernode/backend.h"

namespace infernode {

// Frameworks tie their intra-op thread pool to the thread that calls them. So models are loaded, run and freed on
// executors only, and executors are shared: one pool of `threads` threads serves every model that asked for as many.
// Instances of a model run side by side on executors of different slots; slot 0 serves all models of a device.
//
// Thread-safe. The destructor stops it.
class Executor {
 public:
  struct Job {
    const void* owner;  // the environment that waits for it
    uint32_t ticket;    // unique within the owner
    std::function<void()> work;
  };

  Executor(const inf_backend_api& api, int32_t threads);
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  ~Executor();

  void post(Job job);

  // Takes a waiting job out of the queue. False if it is running, done, or was never there.
  bool cancel(const void* owner, uint32_t ticket);

  using Deadline = std::chrono::steady_clock::time_point;

  // Takes all waiting jobs of the owner out of the queue.
  void drop_waiting(const void* owner);

  // Waits until no job of the owner runs. False if one still does by then.
  bool await_running(const void* owner, Deadline deadline = Deadline::max());

  // Jobs that wait or run.
  size_t load() const { return load_.load(std::memory_order_relaxed); }

  // Finishes the job in progress, drops the rest and joins the thread; for good.
  void stop();

 private:
  void loop(const inf_backend_api& api, int32_t threads);
  void await_work(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable work_ready_;
  std::condition_variable job_done_;
  std::deque<Job> queue_;
  const void* running_for_ = nullptr;
  bool stopping_ = false;
  bool sleeping_ = false;             // only then does a post have to wake the thread
  std::atomic<uint32_t> posted_ = 0;  // counts posts, for a look without the lock
  std::atomic<size_t> load_ = 0;      // changes under the lock, is read without
  std::thread thread_;                // last: it uses all of the above
};

// The executor of the process for this backend, device, thread count and slot; lives as long as somebody holds it. All
// are stopped when the process ends by exit(), which frees no environment. That is the second line: JavaScript drains
// them at its own `exit` event, and only a process that ends past JavaScript comes here with work.
std::shared_ptr<Executor> shared_executor(const inf_backend_api& api, const std::string& device, int32_t threads,
                                          int32_t slot);

}  // namespace infernode
