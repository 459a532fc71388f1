#include "cuda/recorded_call.h"

#include <ATen/ATen.h>
#include <ATen/core/CachingHostAllocator.h>
#include <c10/cuda/CUDACachingAllocator.h>

#include <mutex>
#include <utility>

#include "cuda/call_signature.h"
#include "cuda/transfer.h"
#include "error.h"
#include "tensors.h"

namespace infernode::torch_backend {
namespace {

// Relative to the largest element.
constexpr double kTolerance = 1e-2;

// One recording at a time in the process: libtorch sends the allocations of those that it knows of to their pools.
std::mutex& recording() {
  static std::mutex mutex;
  return mutex;
}

// Not every libtorch has pools of pinned memory.
template <typename Allocator>
void end_host_pool(Allocator* allocator, const GraphPool& pool) {
  if constexpr (requires { allocator->end_allocate_to_pool(pool); }) allocator->end_allocate_to_pool(pool);
}

template <typename Step>
void without_failing(const Step& step) noexcept {
  try {
    step();
  } catch (...) {
    // What had ended before says so.
  }
}

// Ends a recording that failed. Of one that CUDA has called invalid, `capture_end` throws half-way, and the allocators
// would go on to ask a graph that is gone which allocations are its own. `reset` sees to that from libtorch 2.14 on; it
// comes first, for there it would fail later, in the destructor.
void abandon(at::cuda::CUDAGraph& graph, c10::DeviceIndex device, GraphPool pool) noexcept {
  without_failing([&] { graph.capture_end(); });
  without_failing([&] { graph.reset(); });
  without_failing([&] { c10::cuda::CUDACachingAllocator::endAllocateToPool(device, pool); });
  without_failing([&] { end_host_pool(at::getHostAllocator(at::kCUDA), pool); });
  static_cast<void>(cudaGetLastError());
}

std::vector<at::Tensor> tensors_in(const c10::IValue& value) {
  std::vector<at::Tensor> tensors;
  map_tensors(value, [&](const at::Tensor& tensor) { return tensors.emplace_back(tensor); });
  return tensors;
}

bool agree(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes() || a.scalar_type() != b.scalar_type()) return false;
  if (!a.is_floating_point()) return at::equal(a, b);
  if (a.numel() == 0) return true;
  const auto wide = a.to(at::kDouble);
  const auto other = b.to(at::kDouble);
  const auto finite = at::isfinite(wide);
  if (!at::equal(finite, at::isfinite(other))) return false;
  const auto zero = at::zeros({}, at::kDouble);
  const auto difference = at::where(finite, wide - other, zero).abs().max().item<double>();
  return difference <= kTolerance * at::where(finite, wide, zero).abs().max().item<double>();
}

}  // namespace

RecordedCall::RecordedCall(DeviceRunner::Compute compute, std::vector<at::Tensor> inputs, GraphPool pool,
                           StreamContext& context)
    : graph_(std::make_unique<at::cuda::CUDAGraph>()), inputs_(std::move(inputs)) {
  const std::lock_guard lock(recording());
  try {
    // Other executors go on meanwhile: what they do is no part of it, and forbidden to this thread alone.
    graph_->capture_begin(pool, cudaStreamCaptureModeThreadLocal);
    PlacedAgain place(inputs_);
    answer_ = compute(place);
    graph_->capture_end();
  } catch (...) {
    answer_ = {};
    abandon(*graph_, context.stream().device_index(), pool);
    throw;
  }
}

c10::IValue RecordedCall::replay(const DeviceRunner::Call& call, StreamContext& context) {
  const auto given = tensors_of(call.arguments, call.count);
  if (given.size() != inputs_.size()) throw BackendError(INF_INTERNAL, "A recorded call has other inputs");
  for (size_t i = 0; i < given.size(); ++i) upload(*given[i], inputs_[i], context);
  graph_->replay();
  return download(answer_, context);
}

bool agree(const c10::IValue& computed, const c10::IValue& replayed) {
  const auto expected = tensors_in(computed);
  const auto given = tensors_in(replayed);
  if (expected.size() != given.size()) return false;
  for (size_t i = 0; i < expected.size(); ++i) {
    if (!agree(expected[i], given[i])) return false;
  }
  return true;
}

}  // namespace infernode::torch_backend
