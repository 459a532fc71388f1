// What the test programs count with.
#pragma once

#include <cstdio>
#include <string>

namespace infernode::test {

inline int passed = 0;
inline int failed = 0;

inline void check(bool ok, const std::string& what) {
  ok ? ++passed : ++failed;
  if (!ok) std::fprintf(stderr, "FAILED: %s\n", what.c_str());
}

// The exit status of the program.
inline int report(const char* name) {
  std::printf("%s: %d checks passed, %d failed\n", name, passed, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace infernode::test
