// Runs the computations of one model on one GPU.
#pragma once

#include <c10/core/Device.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "cuda/graph_cache.h"
#include "cuda/recorded_call.h"
#include "cuda/stream_context.h"
#include "device_runner.h"

namespace infernode::torch_backend {

// Every executor computes on its own stream, waits for it once in a call, and records graphs of its own.
class CudaRunner final : public DeviceRunner {
 public:
  CudaRunner(const c10::Device& device, const DeviceUse& use) : device_(device), use_(use) {}

  c10::IValue run(const Call& call, Compute compute) override;
  std::string state() const override;

 private:
  using Graphs = GraphCache<std::unique_ptr<RecordedCall>>;

  // Of this model and one executor. Its thread alone changes it, under the lock.
  struct Recordings {
    Recordings();
    Graphs graphs;
    const GraphPool pool;
    mutable std::mutex mutex;
  };

  c10::IValue compute_once(TensorPlace& place, Compute compute);
  c10::IValue run_with_graphs(const std::string& signature, const Call& call, Compute compute, StreamContext& context);
  c10::IValue record(const std::string& signature, const Call& call, Compute compute, StreamContext& context,
                     Recordings& recordings);
  Recordings& recordings_of(const StreamContext& context);

  const c10::Device device_;
  const DeviceUse use_;
  mutable std::mutex mutex_;
  std::map<uint64_t, std::unique_ptr<Recordings>> recordings_;  // by the executor's context
};

}  // namespace infernode::torch_backend
