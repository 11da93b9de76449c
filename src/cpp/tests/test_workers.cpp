// The pool of threads. Tasks write plain memory on purpose: ThreadSanitizer then proves the promise of the pool, that
// everything a task wrote can be read after the call and that two tasks at a time never share a worker's number.
#include "parallel/workers.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

#include "check.h"
#include "fixture.h"
#include "rcspike/charge.h"

using namespace rcspike;
using namespace rcspike::test;
using detail::for_each_task;

namespace {

/// One round; false unless each task ran exactly once with a worker's number below the number of threads.
bool round(std::size_t n_tasks, int threads) {
    std::vector<int> runs(n_tasks);
    std::vector<std::size_t> by_worker(static_cast<std::size_t>(threads));
    std::atomic<bool> in_range{true};
    for_each_task(n_tasks, Threads::exactly(threads), [&](std::size_t task, std::size_t worker) {
        if (task >= n_tasks || worker >= by_worker.size()) return in_range.store(false);
        ++runs[task];
        ++by_worker[worker];
    });
    std::size_t sum = 0;
    for (const std::size_t n : by_worker) sum += n;
    return in_range && sum == n_tasks && std::all_of(runs.begin(), runs.end(), [](int n) { return n == 1; });
}

/// An OpenMP runtime that never has more than three threads.
thread_local int number_of_this_thread = 0;
void parallel_on_at_most_three(void (*body)(void*), void* data, unsigned n_threads, unsigned) {
    std::vector<std::thread> others;
    for (int i = 1; i < static_cast<int>(std::min(n_threads, 3u)); ++i) {
        others.emplace_back([=] {
            number_of_this_thread = i;
            body(data);
        });
    }
    body(data);
    for (std::thread& other : others) other.join();
}
constexpr OpenMp at_most_three{parallel_on_at_most_three, [] { return number_of_this_thread; }};

/// The threads of another runtime, until the end of a test.
struct Borrowed {
    explicit Borrowed(const OpenMp& runtime) { use_threads_of(runtime); }
    ~Borrowed() { use_threads_of({nullptr, nullptr}); }
};

}  // namespace

TEST(every_task_runs_once) {
    Random random(1);
    for (int i = 0; i < 3000; ++i) CHECK(round(random.below(40), static_cast<int>(1 + random.below(6))));
}

TEST(many_more_threads_than_cores_or_tasks) {
    for (int i = 0; i < 20; ++i) CHECK(round(3, 24) && round(200, 24) && round(0, 24) && round(1, 24));
    CHECK(round(50, 2));
}

TEST(extra_tasks_run_once_each_in_the_middle_of_a_round) {
    for (const std::size_t n_tasks : {0, 1, 6, 7}) {
        for (const std::size_t n_extra : {0, 1, 5}) {
            std::vector<std::string> order;
            const auto note = [&](const char* kind, std::size_t task) { order.push_back(kind + std::to_string(task)); };
            const detail::ExtraTasks extra{n_extra, [&](std::size_t task) { note("extra ", task); }};
            for_each_task(n_tasks, extra, Threads{1}, [&](std::size_t task, std::size_t) { note("own ", task); });
            std::vector<std::string> expected;
            for (std::size_t i = 0; i < n_tasks / 2; ++i) expected.push_back("own " + std::to_string(i));
            for (std::size_t i = 0; i < n_extra; ++i) expected.push_back("extra " + std::to_string(i));
            for (std::size_t i = n_tasks / 2; i < n_tasks; ++i) expected.push_back("own " + std::to_string(i));
            CHECK(order == expected);
        }
    }
}

TEST(a_round_may_follow_a_long_silence) {
    for (int i = 0; i < 5; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));  // far more than workers wait before they sleep
        CHECK(round(20, 4));
    }
}

TEST(callers_of_several_threads_take_turns) {
    std::vector<std::thread> callers;
    std::vector<int> good(4);
    for (std::size_t c = 0; c < good.size(); ++c) {
        callers.emplace_back([c, &good] {
            for (int i = 0; i < 100; ++i) good[c] += round(5 + c, static_cast<int>(1 + c + i % 3));
        });
    }
    for (std::thread& caller : callers) caller.join();
    for (const int n : good) CHECK_EQUAL(n, 100);
}

TEST(results_are_right_under_concurrent_callers) {
    const Matrix<float> times = tied_times<float>(40, 100, 64, 1), weights = uniform<float>(100, 40, -1, 1, 2);
    const Schedule<float> schedule(times);  // shared: it is only read
    Matrix<float> expected(40, 40);
    charge<float>(schedule, weights, Circuit{}, expected);
    std::vector<std::thread> callers;
    std::vector<int> good(3);
    for (std::size_t c = 0; c < good.size(); ++c) {
        callers.emplace_back([&, c] {
            for (int i = 0; i < 10; ++i) {
                Matrix<float> v(40, 40);
                charge<float>(schedule, weights, Circuit{}, v, Threads::exactly(3));
                good[c] += same_bits(v, expected);
            }
        });
    }
    for (std::thread& caller : callers) caller.join();
    for (const int n : good) CHECK_EQUAL(n, 10);
}

TEST(what_a_task_throws_comes_back_and_the_next_round_is_whole) {
    for (int threads = 1; threads < 6; ++threads) {
        for (std::size_t bad = 0; bad < 20; bad += 3) {
            std::atomic<int> after{0};
            const auto run = [&] {
                for_each_task(20, Threads::exactly(threads), [&](std::size_t task, std::size_t) {
                    if (task == bad) throw std::runtime_error("task " + std::to_string(task));
                    ++after;
                });
            };
            CHECK_THROWS(run(), std::runtime_error, ("task " + std::to_string(bad)).c_str());
            CHECK(after < 20);
            CHECK(round(20, threads));
        }
    }
}

TEST(of_several_tasks_that_throw_one_is_reported) {
    const auto run = [] {
        for_each_task(40, Threads::exactly(4), [](std::size_t, std::size_t) { throw std::runtime_error("each"); });
    };
    for (int i = 0; i < 50; ++i) CHECK_THROWS(run(), std::runtime_error, "each");
    CHECK(round(40, 4));
}

TEST(threads_of_another_runtime_run_each_task_once_even_if_they_are_fewer) {
    const Borrowed threads(at_most_three);
    Random random(1);
    for (int i = 0; i < 300; ++i) CHECK(round(random.below(40), static_cast<int>(1 + random.below(6))));
    std::set<std::thread::id> seen;
    std::mutex lock;
    for_each_task(60, Threads::exactly(6), [&](std::size_t, std::size_t) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        const std::lock_guard<std::mutex> one(lock);
        seen.insert(std::this_thread::get_id());
    });
    CHECK_EQUAL(seen.size(), std::size_t{3});
    const auto run = [] {
        for_each_task(40, Threads::exactly(4), [](std::size_t, std::size_t) { throw std::runtime_error("each"); });
    };
    CHECK_THROWS(run(), std::runtime_error, "each");
    CHECK(round(40, 4));
}

TEST(no_threads_at_all_are_one) {
    for (const int count : {0, -3}) {
        std::size_t runs = 0, most = 0;
        for_each_task(5, Threads{count}, [&](std::size_t, std::size_t worker) {
            ++runs;
            most = std::max(most, worker);
        });
        CHECK(runs == 5 && most == 0);
        const Matrix<float> times = tied_times<float>(5, 9, 4, 1), weights = uniform<float>(9, 3, -1, 1, 2);
        Matrix<float> v(5, 3), one(5, 3);
        charge<float>(Schedule<float>(times, Threads{count}), weights, Circuit{}, v, Threads{count});
        charge<float>(Schedule<float>(times), weights, Circuit{}, one);
        CHECK(same_bits(v, one));
    }
}

#ifdef RCSPIKE_TEST_CAN_FORK
TEST(a_forked_child_has_threads_of_its_own) {
    CHECK(round(20, 4));
    for (int i = 0; i < 5; ++i) {
        CHECK_EQUAL(in_child([] { return std::string(round(20, 4) && round(20, 6) ? "good" : "bad"); }),
                    std::string("good"));
        CHECK(round(20, 4));
    }
}

TEST(a_forked_child_leaves_the_threads_of_another_runtime_to_its_parent) {
    const Borrowed threads(at_most_three);
    CHECK(round(20, 4));
    const std::string said = in_child([] {
        std::set<std::thread::id> seen;
        std::mutex lock;
        std::atomic<int> inside{0};
        for_each_task(5, Threads::exactly(5), [&](std::size_t, std::size_t) {
            for (++inside; inside < 5;) std::this_thread::yield();
            const std::lock_guard<std::mutex> one(lock);
            seen.insert(std::this_thread::get_id());
        });
        return std::to_string(seen.size());
    });
    CHECK_EQUAL(said, std::string("5"));
}

TEST(a_child_forked_in_the_middle_of_a_round_does_not_wait_for_it) {
    // All threads of the round are inside a task, and so in no allocator: a sanitizer's cannot be forked in use.
    std::atomic<int> inside{0};
    std::atomic<bool> stop{false};
    std::thread busy([&] {
        for_each_task(3, Threads::exactly(3), [&](std::size_t, std::size_t) {
            ++inside;
            while (!stop) std::this_thread::yield();
        });
    });
    while (inside < 3) std::this_thread::yield();
    for (int i = 0; i < 10; ++i) {
        const std::string said = in_child([] {
            const std::string own = round(10, 3) ? "good" : "bad";
            const std::string grandchild = in_child([] { return std::string(round(10, 3) ? "good" : "bad"); });
            return own + grandchild;
        });
        CHECK_EQUAL(said, std::string("goodgood"));
    }
    stop = true;
    busy.join();
}
#endif
