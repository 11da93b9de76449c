#include "parallel/workers.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "memory/flush.h"

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

// A training step is a handful of short rounds of tasks, and waking a thread costs as much as a round. So a worker that
// has just finished looks for the next round for this long before it sleeps.
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

/// One round of tasks, each thread's part on cache lines of its own.
class Round {
public:
    void start(std::size_t n_tasks, std::size_t n_threads, Task task, const void* context) {
        if (parts_.size() < n_threads) parts_ = std::vector<Part>(n_threads);
        task_ = task;
        context_ = context;
        n_threads_ = n_threads;
        for (std::size_t i = 0; i < n_threads; ++i) {
            parts_[i].next.store(n_tasks * i / n_threads, std::memory_order_relaxed);
            parts_[i].end = n_tasks * (i + 1) / n_threads;
        }
    }

    /// First the worker's own part: from round to round a thread meets the same samples and neurons, which are in its
    /// cache.
    void take_tasks(std::size_t worker) {
        const FlushToZero flush;
        try {
            for (std::size_t i = 0; i < n_threads_; ++i) {
                Part& part = parts_[(worker + i) % n_threads_];
                for (;;) {
                    const std::size_t task = part.next.fetch_add(1, std::memory_order_relaxed);
                    if (task >= part.end) break;
                    task_(context_, task, worker);
                }
            }
        } catch (...) {
            for (std::size_t i = 0; i < n_threads_; ++i) parts_[i].next.store(parts_[i].end, std::memory_order_relaxed);
            const std::lock_guard<std::mutex> lock(failing_);
            if (!failure_) failure_ = std::current_exception();
        }
    }

    /// After all threads are back.
    void finish() {
        if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    }

private:
    struct alignas(128) Part {
        std::atomic<std::size_t> next{0};
        std::size_t end = 0;
    };

    std::vector<Part> parts_;
    std::size_t n_threads_ = 0;
    Task task_ = nullptr;
    const void* context_ = nullptr;
    std::mutex failing_;
    std::exception_ptr failure_;
};

class Pool {
public:
    void run(std::size_t n_tasks, std::size_t n_threads, Task task, const void* context) {
        const std::lock_guard<std::mutex> one_round_at_a_time(rounds_);
        seats_.reserve(n_threads);
        while (seats_.size() < n_threads) {
            auto seat = std::make_unique<Seat>();
            try {  // workers live as long as the process
                if (!seats_.empty()) std::thread(&Pool::work, this, seats_.size(), std::ref(*seat)).detach();
            } catch (const std::system_error&) {
                n_threads = seats_.size();  // the system has no more; the results are the same with these
                break;
            }
            seats_.push_back(std::move(seat));
        }
        round_.start(n_tasks, n_threads, task, context);
        busy_.store(n_threads - 1, std::memory_order_relaxed);
        for (std::size_t i = 1; i < n_threads; ++i) {
            Seat& seat = *seats_[i];
            {
                const std::lock_guard<std::mutex> lock(seat.sleep);
                seat.called.fetch_add(1, std::memory_order_release);
            }
            seat.wake.notify_one();
        }
        round_.take_tasks(0);
        const auto all_back = [&] { return busy_.load(std::memory_order_acquire) == 0; };
        while (!spin(all_back)) std::this_thread::yield();
        round_.finish();
    }

private:
    /// How a thread is called to work, on cache lines of its own.
    struct alignas(128) Seat {
        std::atomic<std::size_t> called{0};
        std::mutex sleep;
        std::condition_variable wake;
    };

    void work(std::size_t worker, Seat& seat) {
        for (std::size_t seen = 0;; ++seen) {
            const auto called = [&] { return seat.called.load(std::memory_order_acquire) != seen; };
            if (!spin(called)) {
                std::unique_lock<std::mutex> lock(seat.sleep);
                seat.wake.wait(lock, called);
            }
            round_.take_tasks(worker);
            busy_.fetch_sub(1, std::memory_order_release);
        }
    }

    std::mutex rounds_;
    std::vector<std::unique_ptr<Seat>> seats_;  // the caller's first
    std::atomic<std::size_t> busy_{0};
    Round round_;
};

long process_id() {
#if defined(_WIN32)
    return 0;
#else
    return getpid();
#endif
}

/// An OpenMP runtime in use, and the process that its threads belong to.
struct InUse {
    OpenMp runtime;
    long process;
};
std::atomic<const InUse*> in_use{nullptr};

/// One round on the threads of an OpenMP runtime, which may be fewer than asked for.
void run_on(const OpenMp& runtime, std::size_t n_tasks, std::size_t n_threads, Task task, const void* context) {
    struct Call {
        Round round;
        const OpenMp& runtime;
    } call{{}, runtime};
    call.round.start(n_tasks, n_threads, task, context);
    const auto body = [](void* data) {
        Call& own = *static_cast<Call*>(data);
        own.round.take_tasks(static_cast<std::size_t>(own.runtime.thread_number()));
    };
    runtime.parallel(body, &call, static_cast<unsigned>(n_threads), 0);
    call.round.finish();
}

/// The pool of this process. A forked child has none of its parent's threads, so it starts its own and leaves the
/// parent's object, whose locks may be held for ever, untouched.
Pool& pool() {
    struct Owned {
        Pool pool;
        long process;
    };
    static std::atomic<Owned*> current{nullptr};
    const long process = process_id();
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
    const std::size_t n_threads = std::min(worker_count(threads), n_tasks);
    if (n_threads <= 1) {
        const FlushToZero flush;
        for (std::size_t i = 0; i < n_tasks; ++i) task(context, i, 0);
        return;
    }
    const InUse* const other = in_use.load(std::memory_order_acquire);
    if (other && other->process == process_id()) {
        run_on(other->runtime, n_tasks, n_threads, task, context);
    } else {
        pool().run(n_tasks, n_threads, task, context);
    }
}

}  // namespace detail

void use_threads_of(const OpenMp& runtime) {
    static std::mutex one_at_a_time;
    static std::vector<std::unique_ptr<const detail::InUse>> all;  // a round may still read one of those before
    const std::lock_guard<std::mutex> lock(one_at_a_time);
    const bool is_null = !runtime.parallel || !runtime.thread_number;
    all.push_back(is_null ? nullptr
                          : std::make_unique<const detail::InUse>(detail::InUse{runtime, detail::process_id()}));
    detail::in_use.store(all.back().get(), std::memory_order_release);
}

}  // namespace rcspike
