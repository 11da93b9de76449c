#include "workers.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif
#if !defined(_WIN32)
#include <unistd.h>
#endif

namespace rcspike {

Threads Threads::all() {
#if defined(__linux__)
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) == 0) return {std::min(CPU_COUNT(&cpus), 1024)};
#endif
    return {static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 1024u))};
}

Threads Threads::exactly(int n) {
    if (n < 1 || n > 1024) {
        throw std::invalid_argument("threads must be between 1 and 1024, got " + std::to_string(n));
    }
    return {n};
}

namespace detail {
namespace {

// A training step is a dozen short rounds of tasks, and waking a thread costs as much as a round. So a worker that has
// just finished looks for the next round for this long before it sleeps.
constexpr auto patience = std::chrono::microseconds(50);

/// Waits until done() holds, at first without giving up the processor.
template <class Done>
bool spin(const Done& done) {
    const auto start = std::chrono::steady_clock::now();
    for (unsigned i = 0; !done(); ++i) {
        if (i % 64 == 63 && std::chrono::steady_clock::now() - start > patience) return false;
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
    }
    return true;
}

class Pool {
public:
    void run(std::size_t n_tasks, std::size_t n_threads, Task task, const void* context) {
        const std::lock_guard<std::mutex> one_round_at_a_time(rounds_);
        while (workers_.size() + 1 < n_threads) {
            workers_.emplace_back(&Pool::work, this, workers_.size() + 1, round_.load());
            workers_.back().detach();  // workers live as long as the process
        }
        task_ = task;
        context_ = context;
        n_tasks_ = n_tasks;
        next_.store(0, std::memory_order_relaxed);
        n_threads_ = n_threads;
        busy_.store(workers_.size(), std::memory_order_relaxed);
        {
            const std::lock_guard<std::mutex> lock(sleep_);
            round_.fetch_add(1, std::memory_order_release);
        }
        wake_.notify_all();
        take_tasks(0);
        const auto all_back = [&] { return busy_.load(std::memory_order_acquire) == 0; };
        while (!spin(all_back)) std::this_thread::yield();
    }

private:
    void take_tasks(std::size_t worker) {
        for (;;) {
            const std::size_t task = next_.fetch_add(1, std::memory_order_relaxed);
            if (task >= n_tasks_) return;
            task_(context_, task, worker);
        }
    }

    void work(std::size_t worker, std::size_t seen) {
        for (;; ++seen) {
            const auto called = [&] { return round_.load(std::memory_order_acquire) != seen; };
            if (!spin(called)) {
                std::unique_lock<std::mutex> lock(sleep_);
                wake_.wait(lock, called);
            }
            if (worker < n_threads_) take_tasks(worker);
            busy_.fetch_sub(1, std::memory_order_release);
        }
    }

    std::mutex rounds_;
    std::mutex sleep_;
    std::condition_variable wake_;
    std::vector<std::thread> workers_;
    std::atomic<std::size_t> round_{0};
    std::atomic<std::size_t> next_{0};
    std::atomic<std::size_t> busy_{0};
    std::size_t n_tasks_ = 0;
    std::size_t n_threads_ = 0;
    Task task_ = nullptr;
    const void* context_ = nullptr;
};

/// The pool of this process. A forked child has none of its parent's threads, so it starts its own and leaves the
/// parent's object, whose locks may be held for ever, untouched.
Pool& pool() {
    struct Owned {
        Pool pool;
        long process;
    };
    static std::atomic<Owned*> current{nullptr};
#if defined(_WIN32)
    const long process = 0;
#else
    const long process = getpid();
#endif
    Owned* owned = current.load(std::memory_order_acquire);
    while (!owned || owned->process != process) {
        auto fresh = std::make_unique<Owned>();
        fresh->process = process;
        if (current.compare_exchange_strong(owned, fresh.get(), std::memory_order_acq_rel)) owned = fresh.release();
    }
    return owned->pool;
}

}  // namespace

void run_tasks(std::size_t n_tasks, Threads threads, Task task, const void* context) {
    if (threads.count <= 1 || n_tasks <= 1) {
        for (std::size_t i = 0; i < n_tasks; ++i) task(context, i, 0);
        return;
    }
    pool().run(n_tasks, static_cast<std::size_t>(threads.count), task, context);
}

}  // namespace detail
}  // namespace rcspike
