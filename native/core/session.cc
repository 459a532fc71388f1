#include "session.h"

#include <utility>

#include "heap.h"

namespace infernode {

Session::Session(const inf_backend_api& api, Executor& executor, std::string path, std::string format,
                 std::string device, int32_t threads)
    : api_(api),
      executor_(executor),
      path_(std::move(path)),
      format_(std::move(format)),
      device_(std::move(device)),
      threads_(threads) {}

void Session::load() {
  const inf_load_options options{path_.c_str(), format_.c_str(), device_.c_str(), threads_};
  if (inf_error* error = api_.model_load(&options, &model_)) throw Failure::from(api_, error);
}

Outputs Session::run(uint32_t method, const inf_value* arguments, size_t count) {
  if (model_ == nullptr) throw Failure{INF_INTERNAL, "The model is not loaded", ""};
  inf_result* result = nullptr;
  if (inf_error* error = api_.model_run(model_, method, arguments, count, &result)) throw Failure::from(api_, error);
  return {api_, result};
}

void Session::unload() {
  if (model_ == nullptr) return;
  api_.model_free(std::exchange(model_, nullptr));
  give_back_freed_heap();
}

}  // namespace infernode
