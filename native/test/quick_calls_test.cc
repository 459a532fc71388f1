// Usage: quick_calls_test
#include "quick_calls.h"

#include <array>
#include <chrono>

#include "check.h"

namespace {

using infernode::QuickCalls;
using infernode::test::check;
using std::chrono::microseconds;

constexpr microseconds kQuick(5);
constexpr microseconds kSlow(400);
constexpr microseconds kLong(1500);
constexpr microseconds kVeryLong(100'000);

QuickCalls::Kind kind_of(double rows) {
  const std::array<double, 6> numbers{1, 1, 0, 2, rows, 64};
  return QuickCalls::kind_of(0, numbers.data(), numbers.size());
}

// How many quick calls in a row it takes.
int needed(QuickCalls& calls, QuickCalls::Kind kind) {
  int count = 0;
  for (; !calls.expects(kind); ++count) calls.took(kind, kQuick);
  return count;
}

void kinds() {
  check(kind_of(1) == kind_of(1), "calls of the same structure are of one kind");
  check(kind_of(1) != kind_of(2), "shapes make kinds");
  const std::array<double, 3> number{1, 3, 0.5};
  check(QuickCalls::kind_of(0, number.data(), 3) != QuickCalls::kind_of(1, number.data(), 3), "methods make kinds");
}

void a_row_of_quick_calls_is_trusted() {
  QuickCalls calls;
  check(!calls.expects(kind_of(1)), "nothing is expected at first");
  check(needed(calls, kind_of(1)) == 16, "sixteen in a row are trusted");
  check(!calls.expects(kind_of(2)), "of another kind nothing is known");
  calls.took(kind_of(2), kQuick);
  check(calls.expects(kind_of(1)), "several kinds are known");
  for (int rows = 3; rows < 66; ++rows) calls.took(kind_of(rows), kQuick);
  check(!calls.expects(kind_of(1)), "the one called longest ago is forgotten");
  check(needed(calls, kind_of(65)) == 15, "the others are not");
}

void slow_calls_are_not() {
  QuickCalls calls;
  for (int i = 0; i < 1000; ++i) calls.took(kind_of(1), kSlow);
  check(!calls.expects(kind_of(1)), "slow calls are not quick");
  for (int i = 0; i < 100; ++i) calls.took(kind_of(1), kQuick);
  calls.took(kind_of(1), kSlow);
  check(calls.expects(kind_of(1)), "one that was interrupted does no harm");
}

void a_long_call_counts_and_is_forgotten() {
  QuickCalls calls;
  needed(calls, kind_of(1));
  calls.took(kind_of(1), kLong);
  check(needed(calls, kind_of(1)) == 64,
        "a row is as much longer as the call was, and twice as long if it did not last");
  calls.took(kind_of(1), kLong);
  check(needed(calls, kind_of(1)) == 128, "once more if the next does not");
  for (int times = 0; times < 2; ++times) {
    for (int i = 0; i < 256; ++i) calls.took(kind_of(1), kQuick);
    calls.took(kind_of(1), kLong);
    check(calls.expects(kind_of(1)), "after many others it is forgiven");
  }
  for (int i = 0; i < 255; ++i) calls.took(kind_of(1), kQuick);
  calls.took(kind_of(1), kLong);
  check(needed(calls, kind_of(1)) == 64, "which makes up for earlier ones");
  for (int i = 0; i < 1000; ++i) calls.took(kind_of(1), kQuick);
  calls.took(kind_of(1), kVeryLong);
  check(needed(calls, kind_of(1)) == 16 * 101, "one of 100 ms counts for as many");
  for (int i = 0; i < 40; ++i) {
    for (int j = 0; j < 2'000'000 && !calls.expects(kind_of(1)); ++j) calls.took(kind_of(1), kQuick);
    calls.took(kind_of(1), kVeryLong);
  }
  check(needed(calls, kind_of(1)) <= (1 << 20), "there is an end to it");
}

}  // namespace

int main() {
  kinds();
  a_row_of_quick_calls_is_trusted();
  slow_calls_are_not();
  a_long_call_counts_and_is_forgotten();
  return infernode::test::report("quick_calls_test");
}
