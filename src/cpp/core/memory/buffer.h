// Memory on cache-line borders, as the kernels' aligned loads need it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace rcspike::detail {

template <class T>
class Buffer {
public:
    Buffer() = default;
    explicit Buffer(std::size_t size) { resize(size); }
    Buffer(Buffer&& other) noexcept { swap(other); }
    Buffer& operator=(Buffer&& other) noexcept {
        swap(other);
        return *this;
    }
    ~Buffer() { release(); }

    /// Grows the memory if it is too small; its contents are then lost.
    void resize(std::size_t size) {
        if (size > capacity_) {
            T* data = allocate(size);
            release();
            data_ = data;
            capacity_ = size;
        }
        size_ = size;
    }
    void zero() { std::fill(data_, data_ + size_, T{}); }

    T* data() { return data_; }
    const T* data() const { return data_; }
    std::size_t size() const { return size_; }
    T* begin() { return data_; }
    T* end() { return data_ + size_; }

private:
    /// Large memory asks for large pages: their first touch costs a five-hundredth, and sweeps miss no translations.
    static constexpr std::size_t page = std::size_t{1} << 21;

    static std::align_val_t alignment(std::size_t size) {
        return static_cast<std::align_val_t>(size * sizeof(T) >= page ? page : 64);
    }
    static T* allocate(std::size_t size) {
        void* data = ::operator new(size * sizeof(T), alignment(size));
#if defined(__linux__)
        if (size * sizeof(T) >= page) madvise(data, size * sizeof(T), MADV_HUGEPAGE);
#endif
        return static_cast<T*>(data);
    }
    void release() { ::operator delete(data_, alignment(capacity_)); }

    void swap(Buffer& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
    }

    T* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace rcspike::detail
