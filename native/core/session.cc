#include "session.h"

#include <utility>

#include "heap.h"

namespace infernode {

Session::Session(const inf_backend_api& api, Executor& executor, LoadOptions options)
    : api_(api), executor_(executor), options_(std::move(options)) {}

void Session::load() {
  const inf_load_options plain{options_.path.c_str(), options_.format.c_str(),    options_.device.c_str(),
                               options_.threads,      options_.precision.c_str(), options_.channels_last,
                               options_.fuse ? 1 : 0};
  if (!options_.recipe.has_value()) {
    if (inf_error* error = api_.model_load(&plain, &model_)) throw Failure::from(api_, error);
    // What reading and rewriting the model left behind is often as large as the model.
    give_back_freed_heap();
    return;
  }
  const auto& recipe = *options_.recipe;
  std::vector<const char*> exclude;
  for (const auto& name : recipe.exclude) exclude.push_back(name.c_str());
  const inf_recipe plain_recipe{recipe.mode.c_str(), recipe.observer.c_str(), recipe.reduce_range ? 1 : 0,
                                exclude.data(), exclude.size()};
  if (inf_error* error = api_.model_observe(&plain, &plain_recipe, &model_)) throw Failure::from(api_, error);
}

std::string Session::convert(const std::string& target) {
  if (model_ == nullptr) throw Failure{INF_INTERNAL, "The model is not loaded", ""};
  const char* report = nullptr;
  if (inf_error* error = api_.model_convert(model_, target.c_str(), &report)) throw Failure::from(api_, error);
  return report;
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
