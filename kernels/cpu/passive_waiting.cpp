// With THAW_THREADS=openmp, part of every program of this build. OpenMP's threads go to sleep when they wait:
// awake, they take the time of those that have work wherever the machine has something else to do. gcc's
// run-time reads how to wait when it is loaded or, linked statically, in a constructor: this one comes
// before. A library does not change its user's environment: users of thaw's set the variable themselves.
#include <cstdlib>

namespace {

[[gnu::constructor(101)]] void wait_asleep() {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  ::setenv("OMP_WAIT_POLICY", "passive", 0);
  ::setenv("GOMP_SPINCOUNT", "300", 0);  // some microseconds of gcc's, less than it takes to wake a thread
}

}  // namespace
