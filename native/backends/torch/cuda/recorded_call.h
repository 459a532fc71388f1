// A call of a model, recorded as a CUDA graph.
#pragma once

#include <ATen/core/ivalue.h>
#include <ATen/cuda/CUDAGraph.h>

#include <memory>
#include <vector>

#include "cuda/stream_context.h"
#include "device_runner.h"

namespace infernode::torch_backend {

// Names the memory of graphs; libtorch's own name of the type has moved from version to version.
using GraphPool = decltype(at::cuda::graph_pool_handle());

// Its inputs and its answer lie at fixed places of the device. Belongs to one executor: replays must not overlap.
class RecordedCall {
 public:
  // Records what `compute` does with `inputs`, the tensors of the call as they were placed. It must have run on the
  // stream of the context before, for what is made at first use cannot be recorded. `pool` is what the graphs of one
  // model and executor share: while one runs, the memory of the others is free. Throws c10::Error for what a graph
  // cannot hold, such as a choice that depends on the values.
  RecordedCall(DeviceRunner::Compute compute, std::vector<at::Tensor> inputs, GraphPool pool, StreamContext& context);

  // Uploads the inputs, replays, and downloads the answer.
  c10::IValue replay(const DeviceRunner::Call& call, StreamContext& context);

 private:
  std::unique_ptr<at::cuda::CUDAGraph> graph_;
  std::vector<at::Tensor> inputs_;
  c10::IValue answer_;
};

// Whether a replay answers what the model itself answered, but for rounding. Of a model that draws random numbers, or
// that hid a value of the first call in its graph, it does not.
bool agree(const c10::IValue& computed, const c10::IValue& replayed);

}  // namespace infernode::torch_backend
