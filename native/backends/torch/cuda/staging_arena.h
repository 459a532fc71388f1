// Memory that copies to and from a device pass through, used again in every call.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace infernode::torch_backend {

// Hands out parts of blocks until `reset`. What one call needed is one block for the next. Belongs to one thread.
class StagingArena {
 public:
  using Block = std::shared_ptr<void>;
  using Allocate = std::function<Block(size_t bytes)>;

  // Keeps at most `most_kept` bytes from call to call.
  StagingArena(Allocate allocate, size_t most_kept) : allocate_(std::move(allocate)), most_kept_(most_kept) {}

  // Memory that starts at a multiple of 256 bytes of its block, valid until `reset`.
  void* take(size_t bytes) {
    const size_t rounded = (std::max<size_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
    needed_ += rounded;
    if (blocks_.empty() || used_ + rounded > size_) {
      size_ = std::max(rounded, kSmallest);
      blocks_.push_back(allocate_(size_));
      used_ = 0;
    }
    void* memory = static_cast<char*>(blocks_.back().get()) + used_;
    used_ += rounded;
    return memory;
  }

  // Takes all of it back: no copy may be under way.
  void reset() {
    if (blocks_.size() > 1 || size_ > most_kept_) {
      blocks_.clear();
      size_ = 0;
      if (needed_ <= most_kept_) {
        size_ = needed_;
        blocks_.push_back(allocate_(size_));
      }
    }
    used_ = 0;
    needed_ = 0;
  }

  size_t blocks() const { return blocks_.size(); }

 private:
  static constexpr size_t kAlignment = 256;
  static constexpr size_t kSmallest = 1 << 16;

  const Allocate allocate_;
  const size_t most_kept_;
  std::vector<Block> blocks_;
  size_t size_ = 0;    // of the last block
  size_t used_ = 0;    // of the last block
  size_t needed_ = 0;  // in all, since `reset`
};

}  // namespace infernode::torch_backend
