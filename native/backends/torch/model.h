// What the backend keeps of one loaded model, whatever its format.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "infernode/backend.h"
#include "result.h"

// The opaque handle of the boundary is this class itself.
struct inf_model {
  virtual ~inf_model() = default;

  // Runs method number `method` of `description()`. Called on entered threads; several at once are allowed.
  virtual std::unique_ptr<infernode::torch_backend::Result> run(uint32_t method, const inf_value* arguments,
                                                                size_t count) = 0;

  // What has happened in it, JSON, see `model_state`; on any thread.
  virtual std::string state() const { return "{}"; }

  // JSON, see `model_describe`.
  const std::string& description() const { return description_; }
  int64_t bytes() const { return bytes_; }
  bool uses_gpu() const { return uses_gpu_; }

 protected:
  std::string description_;
  int64_t bytes_ = 0;
  bool uses_gpu_ = false;
};
