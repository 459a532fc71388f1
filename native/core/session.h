// One loaded model.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "executor.h"
#include "failure.h"
#include "infernode/backend.h"
#include "outputs.h"
#include "quick_calls.h"

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
  int32_t instances = 1;
  std::string precision;
  int32_t channels_last = -1;
  bool fuse = true;
  bool graphs = false;
  int64_t memory_limit = 0;
  std::optional<Recipe> recipe;  // loads the model for quantization
};

// Shared by the JavaScript handle and by the jobs that use it; the model is freed by `unload`, or with the last of
// them. `load`, `convert` and `unload` run on the first executor; `run` on any, on several at once if there are
// several. The weights exist once. The executors belong to the environment, which outlives all jobs.
class Session {
 public:
  Session(const inf_backend_api& api, std::vector<Executor*> executors, LoadOptions options);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  // Each throws Failure.
  void load();
  Outputs run(uint32_t method, QuickCalls::Kind kind, const inf_value* arguments, size_t count);
  // Of a model that was loaded with a recipe. Returns a report, JSON.
  std::string convert(const std::string& target);

  // Frees the model, or leaves that to the last call that still runs.
  void unload();

  // Of a loaded model.
  std::string description() const;
  // What has happened in it, JSON; "{}" of one that is not loaded.
  std::string state() const;

  Executor& first_executor() const { return *executors_.front(); }
  // The one with the least work; the first of several.
  Executor& next_executor() const;
  // Takes a waiting call out of the queue that it is in. False if it is running or done.
  bool cancel(const void* owner, uint32_t ticket) const;
  // Whether a call may stay on the thread that asks for it: one thread of the CPU needs no pool. A GPU has a stream and
  // graphs for each executor.
  bool runs_anywhere() const { return options_.threads == 1 && options_.device == "cpu"; }
  // Whether such a call takes less time than handing it to an executor.
  bool expects_quick(QuickCalls::Kind kind) const { return quick_calls_.expects(kind); }

 private:
  using Model = std::shared_ptr<inf_model>;

  // Throws Failure if there is none.
  Model model() const;

  const inf_backend_api& api_;
  const std::vector<Executor*> executors_;
  const LoadOptions options_;
  QuickCalls quick_calls_;
  mutable std::mutex mutex_;
  Model model_;
};

}  // namespace infernode
