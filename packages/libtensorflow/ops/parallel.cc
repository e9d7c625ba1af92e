#include "parallel.h"

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif

namespace nncf {
namespace {

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

// Workers wait for a numbered round of work and report when their part of it is done. The pool lives as long as the process.
class Pool {
 public:
  explicit Pool(int size) {
    for (int part = 1; part < size; ++part) std::thread([this, part] { Serve(part); }).detach();
  }

  void Run(const std::function<void(int)>& task, int size) {
    std::lock_guard<std::mutex> one_caller(callers_);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      task_ = &task;
      pending_ = size - 1;
      ++round_;
    }
    started_.notify_all();
    task(0);
    std::unique_lock<std::mutex> lock(mutex_);
    finished_.wait(lock, [this] { return pending_ == 0; });
  }

 private:
  void Serve(int part) {
    uint64_t seen = 0;
    for (;;) {
      const std::function<void(int)>* task;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        started_.wait(lock, [&] { return round_ != seen; });
        seen = round_;
        task = task_;
      }
      (*task)(part);
      std::lock_guard<std::mutex> lock(mutex_);
      if (--pending_ == 0) finished_.notify_one();
    }
  }

  std::mutex callers_;
  std::mutex mutex_;
  std::condition_variable started_;
  std::condition_variable finished_;
  const std::function<void(int)>* task_ = nullptr;
  uint64_t round_ = 0;
  int pending_ = 0;
};

}  // namespace

int ThreadCount() {
  static const int count = Configured();
  return count;
}

void ParallelFor(int64_t count, int64_t grain, const std::function<void(int, int64_t, int64_t)>& work) {
  const int threads = ThreadCount();
  if (threads == 1 || count < grain) {
    if (count > 0) work(0, 0, count);
    return;
  }
  static Pool* const pool = new Pool(threads);
  const int64_t share = (count + threads - 1) / threads;
  pool->Run(
      [&](int part) {
        const int64_t begin = std::min<int64_t>(part * share, count);
        const int64_t end = std::min<int64_t>(begin + share, count);
        if (begin < end) work(part, begin, end);
      },
      threads);
}

}  // namespace nncf
