// What one executor keeps for one GPU.
#pragma once

#include <c10/cuda/CUDAStream.h>

#include <cstdint>

#include "cuda/staging_arena.h"

namespace infernode::torch_backend {

// A stream of its own, so that executors do not wait for each other, and pinned memory that its copies pass through,
// without which they would not be asynchronous. Belongs to one thread, and lives as long.
class StreamContext {
 public:
  // That of the calling thread, made at its first use. Throws c10::Error.
  static StreamContext& current(c10::DeviceIndex device);

  explicit StreamContext(c10::DeviceIndex device);
  StreamContext(const StreamContext&) = delete;
  StreamContext& operator=(const StreamContext&) = delete;
  ~StreamContext() = default;

  // Unique in the process; addresses come again.
  uint64_t id() const { return id_; }
  const c10::cuda::CUDAStream& stream() const { return stream_; }
  StagingArena& staging() { return staging_; }

 private:
  const uint64_t id_;
  const c10::cuda::CUDAStream stream_;
  StagingArena staging_;
};

}  // namespace infernode::torch_backend
