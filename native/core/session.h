// One loaded model.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "executor.h"
#include "failure.h"
#include "infernode/backend.h"
#include "outputs.h"

namespace infernode {

// Shared by the JavaScript handle and by the jobs that use it; the model is freed by `unload`, or with the last of
// them. `load` and `unload` run on the executor, one after the other like every job. The executor belongs to the
// environment, which outlives all jobs.
class Session {
 public:
  Session(const inf_backend_api& api, Executor& executor, std::string path, std::string format, std::string device,
          int32_t threads);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { unload(); }

  // Each throws Failure.
  void load();
  Outputs run(uint32_t method, const inf_value* arguments, size_t count);

  void unload();

  const char* description() const { return api_.model_describe(model_); }
  int64_t bytes() const { return api_.model_bytes(model_); }
  Executor& executor() { return executor_; }
  int32_t threads() const { return threads_; }

 private:
  const inf_backend_api& api_;
  Executor& executor_;
  const std::string path_;
  const std::string format_;
  const std::string device_;
  const int32_t threads_;
  inf_model* model_ = nullptr;
};

}  // namespace infernode
