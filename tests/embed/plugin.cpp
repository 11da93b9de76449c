// A library that a host program loads: the library within it stays its own.
#include <exception>

#include "rcspike/network.h"

extern "C" {
#if defined(_WIN32)
__declspec(dllexport)
#endif
int layers_of(const char* model) {
    try {
        return static_cast<int>(rcspike::Network<float>::load(model).n_layers());
    } catch (const std::exception&) {
        return -1;
    }
}
}
