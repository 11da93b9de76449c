// Runs numbered tasks on several threads. Which thread runs a task never changes its result.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>

#include "rcspike/threads.h"

namespace rcspike::detail {

/// Number of threads that may take part, including the caller.
inline std::size_t worker_count(Threads threads) { return static_cast<std::size_t>(std::max(threads.count, 1)); }

using Task = void (*)(const void* context, std::size_t task, std::size_t worker);

/// Runs tasks 0 .. n_tasks-1 on at most threads.count threads of a pool that lives on between calls, and returns when
/// all are done. `worker`, below worker_count(threads), numbers the scratch memory that a task may use. If tasks throw,
/// the first one's exception is thrown again when all threads are back, and tasks that nobody has begun are left out.
void run_tasks(std::size_t n_tasks, Threads threads, Task task, const void* context);

template <class Function>
void for_each_task(std::size_t n_tasks, Threads threads, const Function& function) {
    run_tasks(
        n_tasks, threads,
        [](const void* context, std::size_t task, std::size_t worker) {
            (*static_cast<const Function*>(context))(task, worker);
        },
        &function);
}

/// Tasks of another job, to be run concurrently with those of a first one.
struct ExtraTasks {
    std::size_t count = 0;
    std::function<void(std::size_t task)> run;
};

/// The same with extra tasks in the same round. They come in the middle: threads get contiguous parts of a round, of
/// one size, so each still has about the part of the first job that it would have without them, and its data in the
/// cache.
template <class Function>
void for_each_task(std::size_t n_tasks, const ExtraTasks& extra, Threads threads, const Function& function) {
    const std::size_t half = n_tasks / 2;
    for_each_task(n_tasks + extra.count, threads, [&](std::size_t task, std::size_t worker) {
        const bool is_extra = task >= half && task < half + extra.count;
        if (is_extra) return extra.run(task - half);
        function(task < half ? task : task - extra.count, worker);
    });
}

}  // namespace rcspike::detail
