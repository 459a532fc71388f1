// Copies between the caller's memory and a GPU.
#pragma once

#include <ATen/core/ivalue.h>

#include <vector>

#include "cuda/stream_context.h"
#include "infernode/backend.h"
#include "tensor_place.h"

namespace infernode::torch_backend {

// Starts the copy of the caller's tensor to `target`, which has its dtype and shape, on the stream of the context.
void upload(const inf_tensor& tensor, const at::Tensor& target, StreamContext& context);

// The value with every tensor of a GPU in the memory of the CPU. Waits for the stream, once, and so for the uploads.
c10::IValue download(const c10::IValue& value, StreamContext& context);

// Uploads each tensor to new memory of the device.
class DevicePlace final : public TensorPlace {
 public:
  explicit DevicePlace(StreamContext& context) : context_(context) {}
  at::Tensor place(const inf_tensor& tensor, bool copy) override;

  const std::vector<at::Tensor>& placed() const { return placed_; }

 private:
  StreamContext& context_;
  std::vector<at::Tensor> placed_;
};

// Hands out tensors that were placed before, in the same order. Copies nothing.
class PlacedAgain final : public TensorPlace {
 public:
  explicit PlacedAgain(const std::vector<at::Tensor>& placed) : placed_(placed) {}
  at::Tensor place(const inf_tensor& /*tensor*/, bool /*copy*/) override { return placed_.at(next_++); }

 private:
  const std::vector<at::Tensor>& placed_;
  size_t next_ = 0;
};

}  // namespace infernode::torch_backend
