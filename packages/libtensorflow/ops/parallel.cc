#include "parallel.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif

namespace nncf {
namespace {

constexpr int kPartsPerThread = 4;

int Processors() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return CPU_COUNT(&set);
#endif
  return static_cast<int>(std::thread::hardware_concurrency());
}

int Configured() {
  const char* text = std::getenv("TF_NUM_INTRAOP_THREADS");
  const int wanted = text == nullptr ? 0 : std::atoi(text);
  return std::clamp(wanted > 0 ? wanted : Processors(), 1, 64);
}

// The calling thread and the workers take one part after the other until none is left.
class Round {
 public:
  Round(const std::function<void(int)>& task, int parts) : task_(task), parts_(parts), pending_(parts) {}

  // The task is touched only with a part in hand: until that is done the caller waits, and the task lives.
  void Work() {
    for (int part = next_++; part < parts_; part = next_++) {
      task_(part);
      std::lock_guard<std::mutex> lock(mutex_);
      if (--pending_ == 0) finished_.notify_one();
    }
  }

  void Wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    finished_.wait(lock, [this] { return pending_ == 0; });
  }

 private:
  const std::function<void(int)>& task_;
  const int parts_;
  std::atomic<int> next_{0};
  std::mutex mutex_;
  std::condition_variable finished_;
  int pending_;
};

// Workers wait for the next round. The pool lives as long as the process.
class Pool {
 public:
  explicit Pool(int threads) {
    for (int i = 1; i < threads; ++i) std::thread([this] { Serve(); }).detach();
  }

  void Run(const std::function<void(int)>& task, int parts) {
    const auto round = std::make_shared<Round>(task, parts);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      round_ = round;
      ++number_;
    }
    started_.notify_all();
    round->Work();
    round->Wait();
  }

 private:
  void Serve() {
    uint64_t seen = 0;
    for (;;) {
      std::shared_ptr<Round> round;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        started_.wait(lock, [&] { return number_ != seen; });
        seen = number_;
        round = round_;
      }
      round->Work();
    }
  }

  std::mutex mutex_;
  std::condition_variable started_;
  std::shared_ptr<Round> round_;
  uint64_t number_ = 0;
};

int ThreadCount() {
  static const int count = Configured();
  return count;
}

}  // namespace

int PartCount() { return ThreadCount() == 1 ? 1 : ThreadCount() * kPartsPerThread; }

void ParallelFor(int64_t count, int64_t grain, const std::function<void(int, int64_t, int64_t)>& work) {
  const int parts = PartCount();
  if (parts == 1 || count < grain) {
    if (count > 0) work(0, 0, count);
    return;
  }
  static Pool* const pool = new Pool(ThreadCount());
  const int64_t share = (count + parts - 1) / parts;
  pool->Run(
      [&](int part) {
        const int64_t begin = std::min<int64_t>(part * share, count);
        const int64_t end = std::min<int64_t>(begin + share, count);
        if (begin < end) work(part, begin, end);
      },
      parts);
}

}  // namespace nncf
