// main() of a fuzz target where there is no libFuzzer: reads each file that is named and passes its bytes to the
// target.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int n, char** words) {
    for (int i = 1; i < n; ++i) {
        std::ifstream file(words[i], std::ios::binary);
        const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
        if (!file) return std::fprintf(stderr, "%s cannot be read\n", words[i]), 2;
        std::printf("%s\n", words[i]);
        std::fflush(stdout);  // a target that dies has named its file
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    }
    return 0;
}
