// The outputs of one call, flattened to named tensors.
#pragma once

#include <ATen/core/ivalue.h>

#include <memory>
#include <string>
#include <vector>

#include "infernode/backend.h"

namespace infernode::torch_backend {

// Flattens what a method returned. Names are paths of the value's own structure, so they are the same on every call:
//   Tensor -> output; (a, b) -> output.0, output.1; (a, (h, c)) -> output.0, output.1.0, output.1.1;
//   {"x": a} -> x; a NamedTuple -> its field names. Below the root, parts are joined by dots.
// Numbers, bools and strings become tensors of no dimensions, lists of them one-dimensional tensors; None is left out.
//
// Tensors are made dense, moved to the CPU and, where the model keeps hold of their memory, copied, so that nobody can
// change the model's state through an output. Throws BackendError INF_OUTPUT_UNSUPPORTED.
class Result : public inf_result {
 public:
  // Takes the value over: memory counts as the model's only if something outlives it.
  explicit Result(c10::IValue&& value);
  Result(const Result&) = delete;
  Result& operator=(const Result&) = delete;
  ~Result();

  // For results that are no IValue: one tensor per name.
  Result(std::vector<std::string> names, std::vector<at::Tensor> tensors);

  static void release(void* owner);

 private:
  void flatten(const std::string& path, const c10::IValue& value, bool root);
  void flatten_list(const std::string& path, const c10::IValue& value);
  void add(std::string name, at::Tensor tensor);
  void add_strings(std::string name, std::vector<std::string> strings, std::vector<int64_t> shape);
  void publish();

  struct Owner;

  std::vector<std::string> names_;
  std::vector<std::unique_ptr<Owner>> owners_;
  std::vector<inf_output> outputs_storage_;
};

}  // namespace infernode::torch_backend
