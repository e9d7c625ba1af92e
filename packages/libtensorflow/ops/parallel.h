// A pool of threads for loops over many values. TensorFlow's own pool is not reachable through its C interface.
#ifndef NNCF_PARALLEL_H_
#define NNCF_PARALLEL_H_

#include <cstdint>
#include <functional>

namespace nncf {

// Number of parts into which a loop is cut at most: some for each thread, so that one which the system holds up does not keep the others waiting.
int PartCount();

// Calls `work(part, begin, end)` for parts of [0, count) that together cover it, and returns when all are done. The cut depends on `count` alone, not
// on which thread does what, so that sums by part are the same in every run. Loops of fewer than `grain` steps stay on the calling thread, with part
// 0. Parts are numbered from 0 to below PartCount().
void ParallelFor(int64_t count, int64_t grain, const std::function<void(int, int64_t, int64_t)>& work);

}  // namespace nncf

#endif  // NNCF_PARALLEL_H_
