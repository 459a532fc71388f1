// Which calls of a model take less time than handing them to another thread does.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace infernode {

// Learns from how long calls took: one is expected to be quick after several of its kind in a row that were so on
// average. A long one ends that, unless it is the first of many: a row is asked for that is as much longer as the call
// was, and twice as long each time that it did not last. So a model whose time depends on the content of its inputs
// seldom holds up whoever trusted it. Durations are processor time, where the system tells it: what interrupts a thread
// does not make its calls long.
//
// Thread-safe.
class QuickCalls {
 public:
  // Handing a call to a thread and back takes some 10 us where both threads are awake, 100 us and more where a core
  // sleeps or both threads share one. An event loop that answers requests does not feel a call of that length.
  static constexpr std::chrono::nanoseconds kQuick = std::chrono::microseconds(100);
  // Shorter ones may have been interrupted.
  static constexpr std::chrono::nanoseconds kLong = std::chrono::milliseconds(1);
  // So may have been those below this that come after many quick ones.
  static constexpr std::chrono::nanoseconds kForgiven = std::chrono::milliseconds(10);

  // Calls of one method whose arguments have the same structure, dtypes, shapes and numbers; only the content of
  // tensors and texts differs.
  using Kind = uint64_t;
  // `numbers` are those that Arguments decodes.
  static Kind kind_of(uint32_t method, const double* numbers, size_t count);

  bool expects(Kind kind) const;
  void took(Kind kind, std::chrono::nanoseconds duration);

 private:
  static constexpr uint32_t kLeastNeeded = 16;

  struct Known {
    Kind kind = 0;
    std::chrono::nanoseconds average{0};
    uint32_t row = 0;  // so many calls, none of them long
    uint32_t needed = kLeastNeeded;
    uint32_t distrust = 1;
  };

  Known& latest(Kind kind);

  mutable std::mutex mutex_;
  // Batches have several sizes, up to 64 by default. The kind of the latest call is first.
  std::array<Known, 64> kinds_;
};

}  // namespace infernode
