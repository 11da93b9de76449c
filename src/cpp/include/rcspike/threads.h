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

}  // namespace rcspike
