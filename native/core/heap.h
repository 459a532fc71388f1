// Memory that was freed, and that the C library keeps for the next allocation. Callable on any thread.
#pragma once

namespace infernode {

// Gives freed memory back to the system. Meant for the thread that has just freed a model: of other threads' heaps the
// topmost free block may stay. Takes about a millisecond, in which other threads wait for memory. Does nothing where
// the C library is not glibc.
void give_back_freed_heap() noexcept;

}  // namespace infernode
