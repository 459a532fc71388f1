#include "executor.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <string>
#include <tuple>
#include <utility>

namespace infernode {
namespace {

constexpr std::chrono::microseconds kAwake(50);

}  // namespace

Executor::Executor(const inf_backend_api& api, int32_t threads)
    : thread_([this, &api, threads] { loop(api, threads); }) {}

Executor::~Executor() {
  stop();
}

void Executor::stop() {
  std::deque<Job> dropped;  // destroyed outside the lock
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(queue_);
    load_ -= dropped.size();
  }
  work_ready_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Executor::post(Job job) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(job));
    load_.fetch_add(1, std::memory_order_relaxed);
    posted_.fetch_add(1, std::memory_order_relaxed);
    // A thread that is awake looks at the queue by itself, so waking it would be a wasted system call.
    wake = sleeping_;
  }
  if (wake) work_ready_.notify_one();
}

// Waits until there is work or the end. A thread that sleeps takes some 30 us to be woken when its core has gone idle,
// many times a small inference; so it stays awake for a moment, in which the next of a series of calls usually comes.
void Executor::await_work(std::unique_lock<std::mutex>& lock) {
  static const bool spare_core = std::thread::hardware_concurrency() > 1;
  const auto arrived = [&] { return stopping_ || !queue_.empty(); };
  if (!arrived() && spare_core) {
    const auto seen = posted_.load(std::memory_order_relaxed);
    lock.unlock();
    const auto end = std::chrono::steady_clock::now() + kAwake;
    while (posted_.load(std::memory_order_relaxed) == seen && std::chrono::steady_clock::now() < end) {
    }
    lock.lock();
  }
  sleeping_ = true;
  work_ready_.wait(lock, arrived);
  sleeping_ = false;
}

bool Executor::cancel(const void* owner, uint32_t ticket) {
  Job cancelled;  // destroyed outside the lock: it may hold the last reference to something that locks
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(queue_.begin(), queue_.end(),
                                  [&](const Job& job) { return job.owner == owner && job.ticket == ticket; });
  if (found == queue_.end()) return false;
  cancelled = std::move(*found);
  queue_.erase(found);
  --load_;
  return true;
}

void Executor::drop_waiting(const void* owner) {
  std::deque<Job> dropped;  // destroyed outside the lock
  const std::lock_guard lock(mutex_);
  for (auto job = queue_.begin(); job != queue_.end();) {
    if (job->owner == owner) {
      dropped.push_back(std::move(*job));
      job = queue_.erase(job);
    } else {
      ++job;
    }
  }
  load_ -= dropped.size();
}

bool Executor::await_running(const void* owner, Deadline deadline) {
  std::unique_lock lock(mutex_);
  const auto done = [&] { return running_for_ != owner; };
  if (deadline != Deadline::max()) return job_done_.wait_until(lock, deadline, done);
  job_done_.wait(lock, done);
  return true;
}

void Executor::loop(const inf_backend_api& api, int32_t threads) {
  pthread_setname_np(pthread_self(), "inf-executor");
  api.enter_thread(threads);
  std::unique_lock lock(mutex_);
  for (;;) {
    await_work(lock);
    if (stopping_) return;
    {
      Job job = std::move(queue_.front());
      queue_.pop_front();
      running_for_ = job.owner;
      lock.unlock();
      job.work();
    }
    lock.lock();
    running_for_ = nullptr;
    --load_;
    job_done_.notify_all();
  }
}

namespace {

struct Registry {
  std::mutex mutex;
  using Key = std::tuple<const inf_backend_api*, std::string, int32_t, int32_t>;
  std::map<Key, std::weak_ptr<Executor>> executors;
};

Registry& registry() {
  static Registry instance;
  return instance;
}

void stop_all() {
  auto& [mutex, executors] = registry();
  const std::lock_guard lock(mutex);
  for (const auto& [key, held] : executors) {
    if (const auto executor = held.lock()) executor->stop();
  }
}

}  // namespace

std::shared_ptr<Executor> shared_executor(const inf_backend_api& api, const std::string& device, int32_t threads,
                                          int32_t slot) {
  auto& [mutex, executors] = registry();
  // Handlers run last in, first out: this one before the registry is destroyed, and before the static objects of the
  // framework, which was opened earlier.
  static const bool registered = std::atexit(stop_all) == 0;
  static_cast<void>(registered);
  const std::lock_guard lock(mutex);
  auto& held = executors[{&api, device, threads, slot}];
  auto executor = held.lock();
  if (executor == nullptr) {
    executor = std::make_shared<Executor>(api, threads);
    held = executor;
  }
  return executor;
}

}  // namespace infernode
