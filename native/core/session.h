// One loaded model.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "executor.h"
#include "failure.h"
#include "infernode/backend.h"
#include "outputs.h"

namespace infernode {

// inf_recipe, which owns its text.
struct Recipe {
  std::string mode;
  std::string observer;
  bool reduce_range = false;
  std::vector<std::string> exclude;
};

// inf_load_options, which owns its text.
struct LoadOptions {
  std::string path;
  std::string format;
  std::string device;
  int32_t threads = 1;
  std::string precision;
  int32_t channels_last = -1;
  bool fuse = true;
  std::optional<Recipe> recipe;  // loads the model for quantization
};

// Shared by the JavaScript handle and by the jobs that use it; the model is freed by `unload`, or with the last of
// them. `load` and `unload` run on the executor, one after the other like every job. The executor belongs to the
// environment, which outlives all jobs.
class Session {
 public:
  Session(const inf_backend_api& api, Executor& executor, LoadOptions options);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { unload(); }

  // Each throws Failure.
  void load();
  Outputs run(uint32_t method, const inf_value* arguments, size_t count);
  // Of a model that was loaded with a recipe. Returns a report, JSON.
  std::string convert(const std::string& target);

  void unload();

  const char* description() const { return api_.model_describe(model_); }
  int64_t bytes() const { return api_.model_bytes(model_); }
  Executor& executor() { return executor_; }
  int32_t threads() const { return options_.threads; }

 private:
  const inf_backend_api& api_;
  Executor& executor_;
  const LoadOptions options_;
  inf_model* model_ = nullptr;
};

}  // namespace infernode
