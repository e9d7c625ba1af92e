// A pool of threads for loops over many values. TensorFlow's own pool is not reachable through its C interface.
#ifndef NNCF_PARALLEL_H_
#define NNCF_PARALLEL_H_

#include <cstdint>
#include <functional>

namespace nncf {

// Number of threads that share a loop: the processors this process may use, or TF_NUM_INTRAOP_THREADS.
int ThreadCount();

// Calls `work(part, begin, end)` for parts of [0, count) that together cover it, and returns when all are done. Loops of fewer than `grain` steps
// stay on the calling thread, with part 0. Parts are numbered from 0 to below ThreadCount().
void ParallelFor(int64_t count, int64_t grain, const std::function<void(int, int64_t, int64_t)>& work);

}  // namespace nncf

#endif  // NNCF_PARALLEL_H_
