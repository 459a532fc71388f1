// The dtypes that both libtorch and a JavaScript typed array know.
#pragma once

#include <c10/core/ScalarType.h>

#include <optional>

#include "infernode/backend.h"

namespace infernode::torch_backend {

std::optional<inf_dtype> to_dtype(at::ScalarType type);

// Throws BackendError for INF_STRING, which libtorch has no tensors of.
at::ScalarType to_scalar_type(inf_dtype dtype);

// "float32" and so on, the names of src/tensor/dtype.ts; nullptr for a type that has none.
const char* dtype_name(at::ScalarType type);

}  // namespace infernode::torch_backend
