#include "tensor_place.h"

#include <ATen/ATen.h>

#include "dtype.h"

namespace infernode::torch_backend {

at::Tensor HostPlace::place(const inf_tensor& tensor, bool copy) {
  const auto options = at::TensorOptions().dtype(to_scalar_type(tensor.dtype));
  const at::IntArrayRef sizes(tensor.shape, static_cast<size_t>(tensor.rank));
  // An empty array of JavaScript may have no memory at all.
  if (tensor.bytes == 0) return at::empty(sizes, options);
  auto view = at::from_blob(tensor.data, sizes, options);
  return copy ? view.clone() : view;
}

}  // namespace infernode::torch_backend
