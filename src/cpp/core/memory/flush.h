// Numbers too small to be normal count as 0 while the engine works. Gradients and Adam's moments decay through that
// range for hundreds of steps, and there every operation takes Intel's cores a hundred times as long.
#pragma once

#if defined(__x86_64__) || defined(__i386__)
#include <xmmintrin.h>
#elif defined(__aarch64__)
#include <cstdint>
#endif

namespace rcspike::detail {

/// Sets the thread's floating-point unit, and sets it back at the end of the scope.
class FlushToZero {
public:
#if defined(__x86_64__) || defined(__i386__)
    FlushToZero() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }  // results (15) and operands (6)
    ~FlushToZero() { _mm_setcsr(before_); }

private:
    unsigned before_;
#elif defined(__aarch64__)
    FlushToZero() {
        asm volatile("mrs %0, fpcr" : "=r"(before_));
        asm volatile("msr fpcr, %0" : : "r"(before_ | (std::uint64_t{1} << 24)));
    }
    ~FlushToZero() { asm volatile("msr fpcr, %0" : : "r"(before_)); }

private:
    std::uint64_t before_;
#else
    FlushToZero() {}  // WebAssembly has no such setting
#endif
};

}  // namespace rcspike::detail
