#include "cuda/transfer.h"

#include <ATen/ATen.h>
#include <c10/cuda/CUDAException.h>

#include <algorithm>
#include <cstring>

#include "dtype.h"
#include "tensors.h"

namespace infernode::torch_backend {
namespace {

// The device copies one part while the next is put into pinned memory.
constexpr size_t kPart = size_t{4} << 20;

// Dense, and as its elements say: the bytes are what is copied.
at::Tensor plain(at::Tensor tensor) {
  if (tensor.is_quantized()) tensor = tensor.dequantize();
  if (tensor.layout() != at::kStrided) tensor = tensor.to_dense();
  return tensor.resolve_conj().resolve_neg().contiguous();
}

}  // namespace

void upload(const inf_tensor& tensor, const at::Tensor& target, StreamContext& context) {
  if (tensor.bytes == 0) return;
  auto* staged = static_cast<char*>(context.staging().take(tensor.bytes));
  const auto* source = static_cast<const char*>(tensor.data);
  auto* device = static_cast<char*>(target.data_ptr());
  for (size_t start = 0; start < tensor.bytes; start += kPart) {
    const size_t bytes = std::min(kPart, tensor.bytes - start);
    std::memcpy(staged + start, source + start, bytes);
    C10_CUDA_CHECK(cudaMemcpyAsync(device + start, staged + start, bytes, cudaMemcpyHostToDevice, context.stream()));
  }
}

c10::IValue download(const c10::IValue& value, StreamContext& context) {
  // Keeps what is being copied until it is.
  std::vector<at::Tensor> sources;
  auto staged = map_tensors(value, [&](const at::Tensor& tensor) {
    if (!tensor.is_cuda()) return tensor;
    const auto& source = sources.emplace_back(plain(tensor));
    void* memory = context.staging().take(source.nbytes());
    if (source.nbytes() > 0) {
      C10_CUDA_CHECK(
          cudaMemcpyAsync(memory, source.data_ptr(), source.nbytes(), cudaMemcpyDeviceToHost, context.stream()));
    }
    return at::from_blob(memory, source.sizes(), source.options().device(at::kCPU));
  });
  context.stream().synchronize();
  if (sources.empty()) return staged;
  // The pinned memory is for the next call, and what is handed out may be kept for as long as its owner likes. A tensor
  // without an owner of its memory is one of the above.
  return map_tensors(staged, [](const at::Tensor& tensor) {
    return tensor.storage().data_ptr().get_context() == nullptr ? tensor.clone() : tensor;
  });
}

at::Tensor DevicePlace::place(const inf_tensor& tensor, bool /*copy*/) {
  const at::IntArrayRef sizes(tensor.shape, static_cast<size_t>(tensor.rank));
  const auto options = at::TensorOptions().dtype(to_scalar_type(tensor.dtype)).device(context_.stream().device());
  const auto& target = placed_.emplace_back(at::empty(sizes, options));
  upload(tensor, target, context_);
  return target;
}

}  // namespace infernode::torch_backend
