// Which calls are computed, recorded or replayed: the bookkeeping of recorded graphs, without CUDA.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace infernode::torch_backend {

// Graphs by signature of the call: method, dtypes, shapes and scalars. A signature is computed `warm_runs` times, then
// recorded, then replayed. One that could not be recorded is computed for good. The graph that was used least recently
// goes when there are too many. Not thread-safe.
template <typename Graph>
class GraphCache {
 public:
  enum class Action { kCompute, kRecord, kReplay };
  struct Choice {
    Action action;
    Graph* graph;  // to replay; valid until the next change
  };
  struct Entry {
    std::string signature;
    size_t runs = 0;
    std::optional<Graph> graph;
    std::string failure;  // why it cannot be recorded
  };

  // After `patience` failures without one success, nothing is recorded any more: the model cannot be.
  GraphCache(size_t most_graphs, size_t warm_runs, size_t patience)
      : most_graphs_(most_graphs), warm_runs_(warm_runs), patience_(patience) {}

  // What to do with the next call of this signature, which it counts.
  Choice choose(std::string_view signature) {
    auto& entry = use(signature);
    if (entry.graph.has_value()) {
      ++replays_;
      return {Action::kReplay, &*entry.graph};
    }
    ++computed_;
    const bool warm = entry.runs++ >= warm_runs_;
    const bool hopeless = !entry.failure.empty() || (recorded_ == 0 && failures_ >= patience_);
    return {warm && !hopeless ? Action::kRecord : Action::kCompute, nullptr};
  }

  void keep(std::string_view signature, Graph graph) {
    auto& entry = use(signature);
    if (!entry.graph.has_value()) ++graphs_;
    entry.graph = std::move(graph);
    ++recorded_;
    for (auto last = std::prev(entries_.end()); graphs_ > most_graphs_; --last) {
      if (!last->graph.has_value()) continue;
      last->graph.reset();
      last->runs = 0;
      --graphs_;
      ++evicted_;
    }
  }

  void fail(std::string_view signature, std::string reason) {
    use(signature).failure = std::move(reason);
    ++failures_;
  }

  // By last use, the latest first.
  const std::list<Entry>& entries() const { return entries_; }
  size_t graphs() const { return graphs_; }
  uint64_t replays() const { return replays_; }
  uint64_t computed() const { return computed_; }
  uint64_t evicted() const { return evicted_; }

 private:
  // Signatures that are remembered without a graph. Callers may send any shape they like.
  static constexpr size_t kMostEntries = 256;

  Entry& use(std::string_view signature) {
    const auto known = by_signature_.find(signature);
    if (known != by_signature_.end()) {
      entries_.splice(entries_.begin(), entries_, known->second);
      return entries_.front();
    }
    if (entries_.size() >= kMostEntries + most_graphs_) forget_one();
    entries_.push_front({std::string(signature), 0, std::nullopt, ""});
    by_signature_.emplace(entries_.front().signature, entries_.begin());
    return entries_.front();
  }

  // The oldest without a graph; there is one, since there are more entries than graphs.
  void forget_one() {
    auto last = std::prev(entries_.end());
    while (last->graph.has_value()) --last;
    by_signature_.erase(last->signature);
    entries_.erase(last);
  }

  const size_t most_graphs_;
  const size_t warm_runs_;
  const size_t patience_;
  std::list<Entry> entries_;
  // Views of the entries' own strings, which do not move.
  std::unordered_map<std::string_view, typename std::list<Entry>::iterator> by_signature_;
  size_t graphs_ = 0;
  size_t failures_ = 0;
  uint64_t recorded_ = 0;
  uint64_t evicted_ = 0;
  uint64_t replays_ = 0;
  uint64_t computed_ = 0;
};

}  // namespace infernode::torch_backend
