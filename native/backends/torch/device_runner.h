// Runs the computations of one model on the device that it lies on.
#pragma once

#include <ATen/core/ivalue.h>
#include <c10/util/FunctionRef.h>

#include <memory>
#include <string>

#include "infernode/backend.h"
#include "tensor_place.h"

namespace infernode::torch_backend {

// How a model uses its device.
struct DeviceUse {
  bool graphs = false;  // CUDA graphs
  bool tf32 = false;    // float32 products with inputs rounded to TF32
};

// Belongs to one model. `run` may be called on several executors at once.
class DeviceRunner {
 public:
  struct Call {
    uint32_t method;
    const inf_value* arguments;
    size_t count;
  };
  // Takes its tensors from the place and answers with tensors of the device. Called once or more in a `run`, on the
  // calling thread.
  using Compute = c10::function_ref<c10::IValue(TensorPlace&)>;

  DeviceRunner() = default;
  DeviceRunner(const DeviceRunner&) = delete;
  DeviceRunner& operator=(const DeviceRunner&) = delete;
  virtual ~DeviceRunner() = default;

  // What `compute` answers, in the memory of the CPU and complete. Throws what `compute` throws; BackendError
  // INF_OUT_OF_MEMORY, INF_DEVICE_FAILED.
  virtual c10::IValue run(const Call& call, Compute compute) = 0;

  // What has happened so far, a JSON object; on any thread.
  virtual std::string state() const = 0;
};

class HostRunner final : public DeviceRunner {
 public:
  c10::IValue run(const Call& /*call*/, Compute compute) override {
    HostPlace place;
    return compute(place);
  }
  std::string state() const override { return "{}"; }
};

}  // namespace infernode::torch_backend
