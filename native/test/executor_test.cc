// Drives executors without a framework: slots run at once, and waiting jobs are cancelled, dropped and waited for.
// Meant to run under ThreadSanitizer and AddressSanitizer. Usage: executor_test
#include "executor.h"

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

#include "check.h"

namespace {

using infernode::Executor;
using infernode::shared_executor;
using infernode::test::check;

constexpr inf_backend_api make_api() {
  inf_backend_api api{};
  api.enter_thread = [](int32_t /*threads*/) {};
  return api;
}
constexpr inf_backend_api kApi = make_api();

const char owner = 0;
const char other = 0;

void slots_run_at_once() {
  const auto first = shared_executor(kApi, "cpu", 1, 0);
  const auto second = shared_executor(kApi, "cpu", 1, 1);
  check(first != second, "slots have executors of their own");
  check(first == shared_executor(kApi, "cpu", 1, 0), "a slot is shared");
  check(first != shared_executor(kApi, "cpu", 2, 0), "thread counts have executors of their own");
  check(first != shared_executor(kApi, "cuda:0", 1, 0), "devices have executors of their own");
  // Each job ends only when the other has begun.
  std::latch both(2);
  for (const auto& executor : {first, second}) {
    executor->post({&owner, 0, [&both] { both.arrive_and_wait(); }});
  }
  while (first->load() + second->load() > 0) std::this_thread::yield();
  check(both.try_wait(), "both began before either ended");
}

// Occupies an executor until it is let go.
struct Blocker {
  explicit Blocker(Executor& executor) {
    executor.post({&owner, 1, [this] {
                     begun.count_down();
                     let_go.wait();
                   }});
    begun.wait();
  }
  std::latch begun{1};
  std::latch let_go{1};
};

void waiting_jobs_can_be_taken_out() {
  Executor executor(kApi, 1);
  std::atomic<int> ran = 0;
  Blocker blocker(executor);
  for (uint32_t ticket = 2; ticket < 6; ++ticket) executor.post({&owner, ticket, [&ran] { ++ran; }});
  executor.post({&other, 2, [&ran] { ran += 10; }});
  check(executor.load() == 6, "what runs and what waits is counted");
  check(!executor.cancel(&owner, 1), "a running job is not cancelled");
  check(executor.cancel(&owner, 3) && !executor.cancel(&owner, 3), "a waiting job is cancelled once");
  executor.drop_waiting(&owner);
  check(executor.load() == 2, "the running job and the other owner's are left");
  check(!executor.await_running(&owner, std::chrono::steady_clock::now()), "the running job is still there");
  blocker.let_go.count_down();
  check(executor.await_running(&owner), "the running job ends");
  while (executor.load() > 0) std::this_thread::yield();
  check(ran == 10, "only the other owner's job ran");
}

void posts_from_many_threads() {
  Executor executor(kApi, 1);
  std::atomic<int> ran = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&executor, &ran, thread] {
      for (uint32_t i = 0; i < 1000; ++i) {
        const auto ticket = static_cast<uint32_t>(thread) * 1000 + i;
        executor.post({&owner, ticket, [&ran] { ++ran; }});
        if (i % 3 == 0 && executor.cancel(&owner, ticket)) ++ran;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  while (executor.load() > 0) std::this_thread::yield();
  check(ran == 4000, "every job ran or was cancelled");
}

void stopping_drops_what_waits() {
  auto executor = std::make_unique<Executor>(kApi, 1);
  const auto held = std::make_shared<int>(0);
  Blocker blocker(*executor);
  for (uint32_t ticket = 2; ticket < 6; ++ticket) executor->post({&owner, ticket, [held] { ++*held; }});
  std::thread stopper([&executor] { executor->stop(); });
  while (executor->load() > 1) std::this_thread::yield();
  blocker.let_go.count_down();
  stopper.join();
  check(*held == 0 && executor->load() == 0, "nothing that waited ran");
}

}  // namespace

int main() {
  slots_run_at_once();
  waiting_jobs_can_be_taken_out();
  posts_from_many_threads();
  stopping_drops_what_waits();
  return infernode::test::report("executor_test");
}
