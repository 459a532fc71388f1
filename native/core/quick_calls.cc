#include "quick_calls.h"

#include <algorithm>
#include <bit>

namespace infernode {
namespace {

constexpr uint32_t kMostNeeded = 1U << 20;
// Whoever was quick for so many calls is trusted more the next time; others less.
constexpr uint32_t kLasting = 256;

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
  const auto* known = std::ranges::find(kinds_, kind, &Known::kind);
  return known != kinds_.end() && known->row >= known->needed && known->average < kQuick;
}

void QuickCalls::took(Kind kind, std::chrono::nanoseconds duration) {
  constexpr int kWeight = 8;  // of the average before
  const std::lock_guard lock(mutex_);
  auto& [_, average, row, needed, distrust] = latest(kind);
  if (duration > kLong) {
    if (row >= needed) {
      const bool is_lasting = row - needed >= kLasting;
      distrust = is_lasting ? std::max(distrust / 2, 1U) : std::min(distrust * 2, kMostNeeded);
      if (is_lasting && duration < kForgiven) {
        row = needed;  // it is trusted as before, but has to last anew
        return;
      }
      const auto times = static_cast<uint64_t>(duration / kLong) + 1;
      needed = static_cast<uint32_t>(std::min<uint64_t>(kLeastNeeded * times * distrust, kMostNeeded));
    }
    row = 0;
    return;
  }
  average = row == 0 ? duration : average + (duration - average) / kWeight;
  ++row;
}

// What is known of a kind, moved to the front; if that is nothing, the kind that was called longest ago is forgotten.
QuickCalls::Known& QuickCalls::latest(Kind kind) {
  auto* known = std::ranges::find(kinds_, kind, &Known::kind);
  if (known == kinds_.end()) *--known = {.kind = kind};
  std::rotate(kinds_.begin(), known, known + 1);
  return kinds_.front();
}

}  // namespace infernode
