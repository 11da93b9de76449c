// Runs numbered tasks on several threads. Which thread runs a task never changes its result.
#pragma once

#include <algorithm>
#include <cstddef>

#include "rcspike/threads.h"

namespace rcspike::detail {

/// So many threads may take part: one at least, the caller's.
inline std::size_t worker_count(Threads threads) { return static_cast<std::size_t>(std::max(threads.count, 1)); }

using Task = void (*)(const void* context, std::size_t task, std::size_t worker);

/// Runs tasks 0 .. n_tasks-1 on at most threads.count threads of a pool that lives on between calls, and returns when
/// all are done. `worker`, below worker_count(threads), tells a task which scratch memory is its own. If tasks throw,
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

}  // namespace rcspike::detail
