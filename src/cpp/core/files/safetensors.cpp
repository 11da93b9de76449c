#include "files/safetensors.h"

#include <utility>

#include "common/check.h"
#include "files/checksum.h"
#include "files/json.h"

namespace rcspike::detail {
namespace {

template <class Bytes>
void take(std::istream& file, Bytes& bytes) {
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!file) reject("it cannot be read to its end");
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

Tensor read_tensor(JsonReader& json, const char* name) {
    Tensor tensor;
    std::vector<std::size_t> offsets;
    json.object(
        name,
        {{"dtype", [&](const char* part) { tensor.dtype = json.string(part); }},
         {"shape", [&](const char* part) { json.array(part, [&] { tensor.shape.push_back(json.size(part)); }); }},
         {"data_offsets", [&](const char* part) { json.array(part, [&] { offsets.push_back(json.size(part)); }); }}});
    if (offsets.size() != 2) reject(name, " must have two data_offsets, got ", offsets.size());
    tensor.first = offsets[0];
    tensor.last = offsets[1];
    return tensor;
}

}  // namespace

Safetensors::Safetensors(std::istream& file) {
    file.seekg(0, std::ios::end);
    const std::streamoff end = file.tellg();
    file.seekg(0);
    std::vector<unsigned char> start(8);
    if (end < static_cast<std::streamoff>(start.size())) reject("its header is cut off");
    take(file, start);
    const auto left = static_cast<std::uint64_t>(end) - start.size();
    const auto length = from_bytes<std::uint64_t>(start.data());
    if (length > left) reject("its header is cut off, or it is not a safetensors file");
    if (length > max_header) reject("its header has ", length, " bytes, the limit is ", max_header);
    std::string header(static_cast<std::size_t>(length), '\0');
    take(file, header);
    if (header.empty() || header[0] != '{') reject("its header is not a JSON object");
    array_bytes_ = static_cast<std::size_t>(left - length);

    JsonReader json(header);
    json.object("the file", [&](const std::string& name) {
        if (name == "__metadata__") {
            json.object("__metadata__", [&](const std::string& part) { metadata_[part] = json.string(part.c_str()); });
        } else {
            tensors_[name] = read_tensor(json, name.c_str());
        }
    });
    json.end();
}

void Safetensors::read_arrays(std::istream& file) {
    check_layout();
    arrays_.resize(array_bytes_);
    take(file, arrays_);
    const auto stored = metadata_.find("crc32");
    if (stored != metadata_.end()) check_checksum(stored->second, digest());
}

void Safetensors::check_layout() const {
    std::map<std::size_t, std::size_t> ends;  // of the arrays by their beginning
    for (const auto& [name, tensor] : tensors_) {
        if (tensor.dtype != "F32" && tensor.dtype != "F64") {
            reject(name, " must be float32 or float64, got ", tensor.dtype);
        }
        const auto [first, last] = std::pair(tensor.first, tensor.last);
        if (first > last || last > array_bytes_) {
            reject(name, " should lie in bytes ", first, " to ", last, " of its arrays, which have ", array_bytes_);
        }
        const std::size_t bytes = last - first, item = tensor.dtype == "F64" ? 8 : 4;
        if (bytes % item != 0 || elements(tensor.shape, bytes / item) != bytes / item) {
            reject(name, " has ", bytes, " bytes, which do not make its shape");
        }
        if (bytes > 0 && !ends.emplace(first, last).second) reject(name, " lies where another array does");
    }
    std::size_t end = 0;
    for (const auto& [first, last] : ends) {
        if (first != end) reject("its arrays overlap or leave a gap at byte ", end);
        end = last;
    }
    if (end != array_bytes_) reject("it has ", array_bytes_, " bytes of arrays, its header describes ", end);
}

/// CRC-32 of all metadata except the CRC-32 itself, and of all arrays, both in the order of their names. Each part has
/// its length before it, so that no two contents make the same sequence of bytes.
std::string Safetensors::digest() const {
    std::uint32_t crc = 0;
    const auto add = [&](const unsigned char* bytes, std::size_t n) {
        unsigned char length[8];
        for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<unsigned char>(std::uint64_t{n} >> (8 * i) & 0xff);
        crc = crc32(bytes, n, crc32(length, 8, crc));
    };
    const auto add_text = [&](const std::string& text) {
        add(reinterpret_cast<const unsigned char*>(text.data()), text.size());
    };
    for (const auto& [name, text] : metadata_) {
        if (name == "crc32") continue;
        add_text(name);
        add_text(text);
    }
    for (const auto& [name, tensor] : tensors_) {
        add_text(name);
        add_text(tensor.dtype);
        add_text(listed(tensor.shape));
        add(bytes(tensor), tensor.last - tensor.first);
    }
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (int shift = 28; shift >= 0; shift -= 4) text += digits[crc >> shift & 0xf];
    return text;
}

std::string listed(const std::vector<std::size_t>& sizes) {
    std::string text;
    for (const std::size_t size : sizes) text += (text.empty() ? "" : ", ") + std::to_string(size);
    return '[' + text + ']';
}

}  // namespace rcspike::detail
