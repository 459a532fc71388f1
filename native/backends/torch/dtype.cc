#include "dtype.h"

#include <array>

#include "error.h"

namespace infernode::torch_backend {
namespace {

struct Row {
  inf_dtype dtype;
  at::ScalarType type;
  const char* name;
};

constexpr std::array<Row, 13> kRows{{
    {INF_FLOAT32, at::kFloat, "float32"},
    {INF_FLOAT64, at::kDouble, "float64"},
    {INF_FLOAT16, at::kHalf, "float16"},
    {INF_BFLOAT16, at::kBFloat16, "bfloat16"},
    {INF_INT8, at::kChar, "int8"},
    {INF_INT16, at::kShort, "int16"},
    {INF_INT32, at::kInt, "int32"},
    {INF_INT64, at::kLong, "int64"},
    {INF_UINT8, at::kByte, "uint8"},
    {INF_UINT16, at::ScalarType::UInt16, "uint16"},
    {INF_UINT32, at::ScalarType::UInt32, "uint32"},
    {INF_UINT64, at::ScalarType::UInt64, "uint64"},
    {INF_BOOL, at::kBool, "bool"},
}};

}  // namespace

std::optional<inf_dtype> to_dtype(at::ScalarType type) {
  for (const auto& row : kRows) {
    if (row.type == type) return row.dtype;
  }
  return std::nullopt;
}

at::ScalarType to_scalar_type(inf_dtype dtype) {
  for (const auto& row : kRows) {
    if (row.dtype == dtype) return row.type;
  }
  throw BackendError(INF_INPUT_TYPE, "TorchScript has no string tensors; pass a str argument or a list of str");
}

const char* dtype_name(at::ScalarType type) {
  for (const auto& row : kRows) {
    if (row.type == type) return row.name;
  }
  return nullptr;
}

}  // namespace infernode::torch_backend
