// How many threads a call may use. Results never depend on it.
#pragma once

namespace rcspike {

struct Threads {
    int count = 1;

    /// One per core that this process may run on.
    static Threads all();

    /// Exactly n; throws std::invalid_argument unless 1 <= n <= 1024.
    static Threads exactly(int n);
};

/// The entry points of an OpenMP runtime whose threads are to compute.
struct OpenMp {
    /// GOMP_parallel: runs body(data) on up to n_threads threads at once, the caller among them, until all are done.
    void (*parallel)(void (*body)(void*), void* data, unsigned n_threads, unsigned flags);
    /// omp_get_thread_num: the number of the calling thread among them, from 0 on.
    int (*thread_number)();
};

/// From now on this process computes on the threads of an OpenMP runtime in place of the engine's own; on those again
/// if both pointers are null. Two libraries whose threads wait for work by spinning take the cores from each other, so
/// a program that computes with OpenMP too is faster with one set of threads. A forked child computes on the engine's.
void use_threads_of(const OpenMp& runtime);

}  // namespace rcspike
