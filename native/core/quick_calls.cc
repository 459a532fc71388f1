#include "quick_calls.h"

#include <algorithm>
#include <bit>

namespace infernode {
namespace {

constexpr uint32_t kLeastNeeded = 16;
constexpr uint32_t kMostNeeded = 1U << 20;
// After so many calls that were as expected, a long one is half forgotten.
constexpr uint32_t kForgiven = 256;

}  // namespace

// FNV-1a over whole numbers: a collision would cost time, nothing else.
QuickCalls::Kind QuickCalls::kind_of(uint32_t method, const double* numbers, size_t count) {
  constexpr uint64_t kPrime = 0x100000001b3;
  uint64_t hash = 0xcbf29ce484222325 ^ method;
  for (size_t i = 0; i < count; ++i) hash = (hash ^ std::bit_cast<uint64_t>(numbers[i])) * kPrime;
  return hash;
}

bool QuickCalls::expects(Kind kind) const {
  const std::lock_guard lock(mutex_);
  return kind == kind_ && row_ >= needed_ && average_ < kQuick;
}

void QuickCalls::took(Kind kind, std::chrono::nanoseconds duration) {
  constexpr int kWeight = 8;  // of the average before
  const std::lock_guard lock(mutex_);
  if (duration > kLong) {
    if (kind == kind_ && row_ >= needed_) {
      const auto times = static_cast<uint64_t>(duration / kLong);
      needed_ = static_cast<uint32_t>(std::min<uint64_t>(needed_ * std::bit_ceil(times + 1), kMostNeeded));
    }
    row_ = 0;
  } else if (kind != kind_) {
    row_ = 1;
    average_ = duration;
  } else {
    ++row_;
    average_ += (duration - average_) / kWeight;
    if (row_ >= needed_ && row_ % kForgiven == 0) needed_ = std::max(needed_ / 2, kLeastNeeded);
  }
  kind_ = kind;
}

}  // namespace infernode
