// The JSON by which a model tells the TypeScript side what it is; the fields are those of ModelInfo.
#pragma once

#include <ATen/core/function_schema.h>
#include <torch/csrc/jit/api/module.h>

#include <cstdint>
#include <map>
#include <string>

#include "graph_facts.h"
#include "json.h"

namespace infernode::torch_backend {

// Elements and bytes of the weights, packed quantized ones included.
struct ParameterCount {
  int64_t elements = 0;
  int64_t bytes = 0;
  std::map<std::string, int64_t> by_dtype;
};

ParameterCount count_parameters(const torch::jit::Module& module);

// Adds one tensor.
void count_tensor(const at::Tensor& tensor, ParameterCount& count);

void write_parameters(JsonWriter& json, const ParameterCount& parameters);
void write_ops(JsonWriter& json, const std::map<std::string, int64_t>& ops);

// {"inputs": [...], "outputs": [...]} of one method; `facts` may be null for a method whose graph was not inspected.
void write_signature(JsonWriter& json, const c10::FunctionSchema& schema, const GraphFacts* facts);

}  // namespace infernode::torch_backend
