#include "cuda/stream_context.h"

#include <ATen/ATen.h>

#include <atomic>
#include <map>
#include <memory>

namespace infernode::torch_backend {
namespace {

constexpr size_t kMostStaging = size_t{256} << 20;

uint64_t next_id() {
  static std::atomic<uint64_t> last = 0;
  return ++last;
}

StagingArena::Block pinned(size_t bytes) {
  const auto options = at::TensorOptions().dtype(at::kByte).pinned_memory(true);
  auto memory = std::make_shared<at::Tensor>(at::empty({static_cast<int64_t>(bytes)}, options));
  return {memory, memory->data_ptr()};
}

}  // namespace

StreamContext& StreamContext::current(c10::DeviceIndex device) {
  thread_local std::map<c10::DeviceIndex, std::unique_ptr<StreamContext>> contexts;
  auto& context = contexts[device];
  if (context == nullptr) context = std::make_unique<StreamContext>(device);
  return *context;
}

StreamContext::StreamContext(c10::DeviceIndex device)
    : id_(next_id()),
      stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device)),
      staging_(pinned, kMostStaging) {}

}  // namespace infernode::torch_backend
