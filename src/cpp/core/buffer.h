// Memory on cache-line borders, as the kernels' aligned loads need it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <new>
#include <utility>

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
    ~Buffer() { ::operator delete(data_, alignment); }

    /// Grows the memory if it is too small; what it held is then lost.
    void resize(std::size_t size) {
        if (size > capacity_) {
            T* data = static_cast<T*>(::operator new(size * sizeof(T), alignment));
            ::operator delete(data_, alignment);
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
    static constexpr std::align_val_t alignment{64};

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
