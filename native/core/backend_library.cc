#include "backend_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <stdexcept>

namespace infernode {
namespace {

void* open_library(const std::string& path, int flags) {
  void* handle = dlopen(path.c_str(), flags);
  if (handle == nullptr) throw std::runtime_error(dlerror());
  return handle;
}

// OpenMP's threads meet at barriers, where they spin before they sleep: with libgomp's default a call whose core is
// shared with a busy thread takes many times as long, and without spinning every call a third longer. This many rounds
// cost a call nothing on an idle machine and keep it under three times as long on a busy one (bench/). libgomp reads it
// when it is loaded. What the user has set stays.
void bound_spinning() {
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) setenv("GOMP_SPINCOUNT", "1000", 0);
}

const inf_backend_api& load_table(const std::string& path, const std::vector<std::string>& prerequisites) {
  bound_spinning();
  for (const auto& library : prerequisites) open_library(library, RTLD_NOW | RTLD_GLOBAL);
  void* handle = open_library(path, RTLD_NOW | RTLD_LOCAL);
  const auto entry = reinterpret_cast<inf_backend_entry>(dlsym(handle, INF_BACKEND_ENTRY));
  if (entry == nullptr) throw std::runtime_error(path + " is not an Infernode backend");
  const inf_backend_api* api = entry(INF_BACKEND_ABI);
  if (api == nullptr || api->abi != INF_BACKEND_ABI) {
    throw std::runtime_error(path + " was built for another version of Infernode; build it again");
  }
  if (inf_error* error = api->initialize()) {
    const std::string reason = error->message;
    api->error_free(error);
    throw std::runtime_error(reason);
  }
  return *api;
}

}  // namespace

const inf_backend_api& open_backend(const std::string& path, const std::vector<std::string>& prerequisites) {
  static std::mutex mutex;
  static std::map<std::string, const inf_backend_api*> tables;
  const std::lock_guard lock(mutex);
  const auto known = tables.find(path);
  if (known != tables.end()) return *known->second;
  const auto& api = load_table(path, prerequisites);
  tables.emplace(path, &api);
  return api;
}

}  // namespace infernode
