#include "safetensors.h"

#include <utility>

#include "check.h"

namespace rcspike::detail {
namespace {

template <class Bytes>
void take(std::istream& file, Bytes& bytes) {
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!file) refuse("it cannot be read to its end");
}

/// Number of elements that an array of this shape may have at most `most` of; one more stands for too many.
std::size_t elements(const std::vector<std::size_t>& shape, std::size_t most) {
    std::size_t n = 1;
    for (const std::size_t size : shape) {
        if (size == 0) return 0;
        n = n > most / size ? most + 1 : n * size;
    }
    return n;
}

}  // namespace

Safetensors::Safetensors(std::istream& file) {
    file.seekg(0, std::ios::end);
    const std::streamoff end = file.tellg();
    file.seekg(0);
    std::vector<unsigned char> start(8);
    if (end < static_cast<std::streamoff>(start.size())) refuse("its header is cut off");
    take(file, start);
    const auto left = static_cast<std::uint64_t>(end) - start.size();
    const auto length = from_bytes<std::uint64_t>(start.data());
    if (length > left) refuse("its header is cut off, or it is no safetensors file");
    std::string header(static_cast<std::size_t>(length), '\0');
    take(file, header);
    header_ = Json::parse(header);
    arrays_.resize(static_cast<std::size_t>(left - length));
    take(file, arrays_);
}

const std::string* Safetensors::metadata(const char* name) const {
    const Json* all = header_.find("__metadata__");
    const Json* one = all ? all->find(name) : nullptr;
    return one && one->kind == Json::Kind::string ? &one->text : nullptr;
}

std::map<std::string, Tensor> Safetensors::tensors() const {
    std::map<std::string, Tensor> tensors;
    std::map<std::size_t, std::size_t> ends;  // of the arrays by their beginning
    for (const auto& [name, entry] : header_.members) {
        if (name == "__metadata__") continue;
        const std::string& dtype = entry.member("dtype").string("dtype");
        if (dtype != "F32" && dtype != "F64") refuse(name, " must be float32 or float64, got ", dtype);
        Tensor tensor;
        tensor.is_double = dtype == "F64";
        for (const Json& size : entry.member("shape").array("shape")) tensor.shape.push_back(size.size("shape"));
        const auto& offsets = entry.member("data_offsets").array("data_offsets");
        if (offsets.size() != 2) refuse(name, " must have two data_offsets, got ", offsets.size());
        const std::size_t first = offsets[0].size("data_offsets"), last = offsets[1].size("data_offsets");
        if (first > last || last > arrays_.size()) {
            refuse(name, " should lie in bytes ", first, " to ", last, " of its arrays, which have ", arrays_.size());
        }
        const std::size_t bytes = last - first, item = tensor.is_double ? 8 : 4;
        if (bytes % item != 0 || elements(tensor.shape, bytes / item) != bytes / item) {
            refuse(name, " has ", bytes, " bytes, which do not make its shape");
        }
        if (bytes > 0 && !ends.emplace(first, last).second) refuse(name, " lies where another array does");
        tensor.bytes = arrays_.data() + first;
        tensors.emplace(name, std::move(tensor));
    }
    std::size_t end = 0;
    for (const auto& [first, last] : ends) {
        if (first != end) refuse("its arrays overlap or leave a gap at byte ", end);
        end = last;
    }
    if (end != arrays_.size()) refuse("it has ", arrays_.size(), " bytes of arrays, its header tells of ", end);
    return tensors;
}

}  // namespace rcspike::detail
