#include "heap.h"

#include <cstdlib>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace infernode {

#ifdef __GLIBC__

// malloc_trim releases free pages everywhere but at the top of a thread's heap, where a freed model often lies. The
// top shrinks inside free(), for blocks of 64 KiB and more, once it exceeds a threshold. glibc raises that threshold
// to twice the largest block that was freed, 64 MiB at most; both thresholds are left at the most that it sets itself.
void give_back_freed_heap() noexcept {
  constexpr size_t kBlock = 100 << 10;
  constexpr int kMostMapThreshold = 32 << 20;
  malloc_trim(0);
  mallopt(M_TRIM_THRESHOLD, 0);
  // volatile, for compilers leave out a block that nobody uses.
  void* volatile block = std::malloc(kBlock);
  std::free(block);
  mallopt(M_TRIM_THRESHOLD, 2 * kMostMapThreshold);
  mallopt(M_MMAP_THRESHOLD, kMostMapThreshold);
}

#else

void give_back_freed_heap() noexcept {}

#endif

}  // namespace infernode
